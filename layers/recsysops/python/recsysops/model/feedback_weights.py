"""Knows how many plays one event of feedback is worth: by its kind, and ratings by their value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from recsysops.errors import BadInput
from recsysops.model.interactions import Interactions
from recsysops.vocabulary import FeedbackKind

MAX_STEPS = 20

Weight = Annotated[float, Field(ge=0.0, le=1_000.0, allow_inf_nan=False)]


class RatingStep(BaseModel):
    """Ratings from `at_least` up to the next step are worth `weight` plays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: float = Field(ge=-1e6, le=1e6, allow_inf_nan=False)
    weight: Weight


class FeedbackWeights(BaseModel):
    """What one event is worth in plays; as it stands only plays count, each once.

    rating: steps that ascend by value; a rating below the first one is worth nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    impression: Weight = 0.0
    click: Weight = 0.0
    play: Weight = 1.0
    rating: tuple[RatingStep, ...] = Field((), max_length=MAX_STEPS)

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        values = [step.at_least for step in self.rating]
        if values != sorted(set(values)):
            raise ValueError("rating: steps must ascend by at_least, each once")
        return self

    def classes(self) -> tuple[WeighedClass, ...]:
        """Return the events that are worth something, in a fixed order, none in two classes."""
        ends = [step.at_least for step in self.rating[1:]]
        found = [
            WeighedClass("impression", self.impression),
            WeighedClass("click", self.click),
            WeighedClass("play", self.play),
            *(
                WeighedClass("rating", step.weight, step.at_least, end)
                for step, end in zip(self.rating, [*ends, None], strict=False)
            ),
        ]
        return tuple(one for one in found if one.weight > 0.0)

    def weigh(self, kind: FeedbackKind, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the weight of every event of one kind, given their values, (n,)."""
        weights = np.zeros(len(values))
        for one in self.classes():
            if one.kind == kind:
                low = -np.inf if one.at_least is None else one.at_least
                high = np.inf if one.below is None else one.below
                weights[(values >= low) & (values < high)] = one.weight
        return weights


@dataclass(frozen=True, slots=True)
class WeighedClass:
    """Events of one kind (of a rating: with at_least <= value < below) and their weight."""

    kind: FeedbackKind
    weight: float
    at_least: float | None = None
    below: float | None = None


PLAYS_ONLY = FeedbackWeights()


def parse_feedback_weights(text: str) -> FeedbackWeights:
    """Read weights from JSON; '' means that only plays count. Raises: BadInput in one line.

    >>> parse_feedback_weights('{"click": 0.1, "rating": [{"at_least": 4, "weight": 2}]}').click
    0.1
    """
    if not text:
        return PLAYS_ONLY
    try:
        return FeedbackWeights.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise BadInput(f"feedback weights: {place}: {first['msg']}") from error


def weigh_choices(
    rows: Interactions, weights: FeedbackWeights, *, kind: FeedbackKind
) -> Interactions:
    """Return choices of one kind with their weights; what is worth nothing is left out.

    Where every row is worth one play the rows come back as they are, so that a model trained on
    them is the same to the last bit.
    """
    worth = weights.weigh(kind, rows.values)
    if (worth == 1.0).all():
        return rows
    kept = worth > 0.0
    weighed = worth[kept].astype(np.float32)
    weighed.setflags(write=False)
    return replace(rows.take(kept), weights=weighed)
