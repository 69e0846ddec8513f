"""Knows why an item stands where it stands: what every block adds, and a reason people understand.

Contributions are exact, the score being linear. The reason is the block that adds most, where
popularity counts only by what it is above the rest of the shortlist: an affinity of 0 is what
everybody has, but all that is shown is popular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from recsysops.model.catalogue import Catalogue
from recsysops.model.encoder import COLLABORATIVE, FeatureEncoder
from recsysops.model.kernel import Float64Array
from recsysops.serving.filters import AttributeFilters
from recsysops.serving.ranking import RankedSlate, RankingRequest
from recsysops.vocabulary import BLOCK_POPULARITY, Arm

Reason = Literal["explored", "launch", "watched_similar", "liked_feature", "popular"]

NEAREST_SEEN = 50
"""So many of the newest seen items may be named as the reason."""
LEAST_LIKENESS = 0.5
"""An item is named as the reason only if the cosine of the item vectors is at least this."""


class ItemExplanation(BaseModel):
    """Why one item was shown."""

    model_config = ConfigDict(frozen=True)

    contributions: dict[str, float] = Field(
        description="what each block adds; in this order they sum to the score"
    )
    features: dict[str, float] | None = Field(
        None, description="what each feature adds, where that was asked for; zeros are left out"
    )
    rank: int = Field(description="rank by score alone, from 1")
    reason: Reason
    because_of: str | None = Field(None, description="id of the item, or name of the feature")
    text: str


class SlateExplanation(BaseModel):
    """What held for the slate as a whole."""

    model_config = ConfigDict(frozen=True)

    eligible_count: int = Field(description="items that could have been ranked")
    filters: AttributeFilters
    arm: Arm = Field(description="explore: one slot was drawn at random")
    folded_from: tuple[str, ...] = Field(
        description="items that stand for a member without a trained vector"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """One shown item: its row in the catalogue and its position in the shortlist, from 0."""

    item_id: str
    row: int
    at: int


def explain_slate(
    catalogue: Catalogue,
    request: RankingRequest,
    slate: RankedSlate,
    *,
    seen: Sequence[str],
    per_feature: bool = False,
) -> dict[str, ItemExplanation]:
    """Explain every shown item by id.

    Args:
        catalogue: what was ranked.
        request: the request as it was ranked.
        slate: the answer.
        seen: items the member has watched, oldest first.
        per_feature: tell the contribution of every single feature too.
    """
    place_of = {item_id: at for at, item_id in enumerate(slate.shortlist)}
    planned = slate.policy_order[: request.limit]
    lift = slate.contributions.copy()
    lift[:, -1] -= lift[:, -1].mean() if len(lift) else 0.0
    found = {}
    for item in slate.shown:
        place = _Place(item.item_id, catalogue.row_of[item.item_id], place_of[item.item_id])
        contributions = slate.contributions[place.at].tolist()
        if item.item_id not in planned:
            told = _Told("explored", None, "picked at random from below the slate, to learn")
        elif place.at >= request.limit and item.item_id in _reserved(catalogue, request, slate):
            launched_on = catalogue.items[place.row].launch_date
            told = _Told("launch", None, f"new: launched on {launched_on}")
        else:
            told = _tell_lift(catalogue, request, place, lift=lift[place.at], seen=seen)
        found[item.item_id] = ItemExplanation(
            contributions=dict(zip(slate.block_names, contributions, strict=True)),
            features=_features(catalogue, request, place.row) if per_feature else None,
            rank=place.at + 1,
            reason=told.reason,
            because_of=told.because_of,
            text=told.text,
        )
    return found


def feature_names(encoder: FeatureEncoder) -> list[str]:
    """Name the columns of an item vector, (width,)."""
    return [
        *(f"genre={genre}" for genre in encoder.genres),
        *(f"year~{knot:.0f}" for knot in encoder.year_knots),
        *(f"language={language}" for language in encoder.languages),
        *(f"{COLLABORATIVE}[{number}]" for number in range(encoder.collaborative_width)),
    ]


@dataclass(frozen=True, slots=True)
class _Told:
    reason: Reason
    because_of: str | None
    text: str


def _reserved(catalogue: Catalogue, request: RankingRequest, slate: RankedSlate) -> set[str]:
    """Return the items in reserved slots that are recent launches."""
    plan = request.surface_plan
    if not plan.launch_slots:
        return set()
    recent = catalogue.launched_since(request.event_time, days=plan.launch_days)
    shown = [slate.planned[slot - 1] for slot in plan.launch_slots if slot <= len(slate.planned)]
    return {item_id for item_id in shown if recent[catalogue.row_of[item_id]]}


def _tell_lift(
    catalogue: Catalogue,
    request: RankingRequest,
    place: _Place,
    *,
    lift: Float64Array,
    seen: Sequence[str],
) -> _Told:
    """Say what lifts an item most: popularity, something the member watched, or a feature."""
    blocks = catalogue.encoder.blocks
    best = int(np.argmax(lift))
    if request.member_vector is None or best == len(blocks) or lift[best] <= 0.0:
        return _Told("popular", None, "many watch it these days")
    nearest = _nearest_seen(catalogue, place.row, seen)
    if nearest is not None:
        title = catalogue.items[catalogue.row_of[nearest]].title
        return _Told("watched_similar", nearest, f"because you watched {title}")
    block = blocks[best]
    shares = _feature_shares(catalogue, request, place.row)[block.start : block.stop]
    name = feature_names(catalogue.encoder)[block.start + int(np.argmax(shares))]
    if block.name == COLLABORATIVE:
        return _Told("liked_feature", COLLABORATIVE, "members who choose as you do watch it")
    return _Told("liked_feature", name, f"because of {name.replace('=', ' ').replace('~', ' ')}")


def _nearest_seen(catalogue: Catalogue, row: int, seen: Sequence[str]) -> str | None:
    """Return the most alike of the newest seen items, the newer one when equal."""
    known = [item_id for item_id in reversed(seen) if item_id in catalogue.row_of][:NEAREST_SEEN]
    if not known:
        return None
    own = catalogue.matrix[row].astype(np.float64)
    others = catalogue.matrix[[catalogue.row_of[one] for one in known]].astype(np.float64)
    lengths = np.sqrt((others * others).sum(axis=1) * (own * own).sum())
    likeness = (others * own).sum(axis=1) / np.where(lengths > 0.0, lengths, np.inf)
    best = int(np.argmax(likeness))
    return known[best] if likeness[best] >= LEAST_LIKENESS else None


def _feature_shares(catalogue: Catalogue, request: RankingRequest, row: int) -> Float64Array:
    shares: Float64Array = catalogue.matrix[row].astype(np.float64)
    if request.member_vector is None:
        return np.zeros_like(shares)
    shares *= request.member_vector.astype(np.float64)
    return shares


def _features(catalogue: Catalogue, request: RankingRequest, row: int) -> dict[str, float]:
    shares = _feature_shares(catalogue, request, row).tolist()
    named = zip(feature_names(catalogue.encoder), shares, strict=True)
    told = {name: share for name, share in named if share != 0.0}
    return {**told, BLOCK_POPULARITY: float(catalogue.bias[row])}
