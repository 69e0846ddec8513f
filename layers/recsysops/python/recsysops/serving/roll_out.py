"""The model pointer and the sampling plan as text: what may stand in them, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recsysops.errors import FlagError
from recsysops.serving.surface_plan import MAX_SURFACES, SurfaceName, SurfacePlanText
from recsysops.vocabulary import ID_PATTERN, ModelPointer, SamplingPlan

MAX_STRATA = 200

ModelId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Stratum = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]

DocumentT = TypeVar("DocumentT", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Pointer(_Strict):
    production: ModelId
    candidate: ModelId | None = None
    previous: ModelId | None = None


class _Plan(_Strict):
    rate: Share
    raised_rate: Share
    explore_rate: Share
    stratum_rates: dict[Stratum, Share] = Field(default_factory=dict, max_length=MAX_STRATA)
    surfaces: dict[SurfaceName, SurfacePlanText] = Field(
        default_factory=dict, max_length=MAX_SURFACES
    )


def parse_model_pointer(text: str) -> ModelPointer:
    """Read {"production", "candidate", "previous"}: ids. Raises: FlagError in one line."""
    pointer = _parse(_Pointer, text, name="model pointer")
    return ModelPointer(pointer.production, pointer.candidate, pointer.previous)


def dump_model_pointer(pointer: ModelPointer) -> str:
    """Return the pointer's JSON; parsing it gives the same pointer back."""
    return json.dumps(asdict(pointer), sort_keys=True)


def parse_sampling_plan(text: str) -> SamplingPlan:
    """Read {"rate", "raised_rate", "explore_rate", "stratum_rates", "surfaces"}.

    Raises: FlagError.
    """
    plan = _parse(_Plan, text, name="sampling plan")
    return SamplingPlan(
        rate=plan.rate,
        raised_rate=plan.raised_rate,
        explore_rate=plan.explore_rate,
        stratum_rates=plan.stratum_rates,
        surfaces={name: text.to_plan() for name, text in plan.surfaces.items()},
    )


def dump_sampling_plan(plan: SamplingPlan) -> str:
    """Return the plan's JSON; parsing it gives the same plan back."""
    return json.dumps({**asdict(plan), "stratum_rates": dict(plan.stratum_rates)}, sort_keys=True)


def _parse(model: type[DocumentT], text: str, *, name: str) -> DocumentT:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise FlagError(f"{name}: {place}: {first['msg']}") from error
