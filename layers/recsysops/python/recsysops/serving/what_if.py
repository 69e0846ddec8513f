"""What a logged request would have become: its slate before and after, item by item.

Every question is asked as hotfixes that nobody deployed: another feature is override_feature,
another model pin_model. So a what-if answers through the very code that would serve the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float64Array, round_scores
from recsysops.serving.ranking import (
    RankedSlate,
    RankingRequest,
    block_names,
    rank_item,
    rank_slate,
    score_rows,
)
from recsysops.vocabulary import Hotfix


@dataclass(frozen=True, slots=True, eq=False)
class RankedCase:
    """One request ranked by one catalogue, with the answer."""

    catalogue: Catalogue
    request: RankingRequest
    slate: RankedSlate


@dataclass(frozen=True, slots=True)
class Standing:
    """How an item stood: slot in the final slate, rank among all eligible items, and score.

    slot None: not shown. rank None: not eligible. score None: not in the catalogue.
    contributions: what each block adds to the score.
    """

    slot: int | None
    rank: int | None
    score: float | None
    contributions: dict[str, float]


@dataclass(frozen=True, slots=True)
class ItemMove:
    """One item before and after."""

    item_id: str
    title: str
    before: Standing
    after: Standing

    @property
    def score_change(self) -> float | None:
        """After minus before; None when one of the two has no score."""
        if self.before.score is None or self.after.score is None:
            return None
        return self.after.score - self.before.score


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What the change does to one request.

    moves: every item that is shown before or after, in the order after, those that left last.
    entered, left: item ids that only one of the two slates shows.
    """

    request_id: str
    moves: tuple[ItemMove, ...]
    entered: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """Some slot shows another item."""
        return any(move.before.slot != move.after.slot for move in self.moves)


def add_changes(hotfixes: Sequence[Hotfix], changes: Sequence[Hotfix]) -> tuple[Hotfix, ...]:
    """Return the hotfixes of a request with changes on top.

    A change of the same id takes a hotfix's place, and a new pinned model that of an old one.
    """
    ids = {change.hotfix_id for change in changes}
    pins = any(change.kind == "pin_model" for change in changes)
    kept = (
        hotfix
        for hotfix in hotfixes
        if hotfix.hotfix_id not in ids and not (pins and hotfix.kind == "pin_model")
    )
    return (*kept, *changes)


def rank_case(catalogue: Catalogue, request: RankingRequest) -> RankedCase:
    """Rank a request and keep what it was ranked with."""
    return RankedCase(catalogue, request, rank_slate(catalogue, request))


def compare_cases(before: RankedCase, after: RankedCase) -> WhatIf:
    """Compare two rankings of one request, item by item."""
    shown_before = [item.item_id for item in before.slate.shown]
    shown_after = [item.item_id for item in after.slate.shown]
    items = list(dict.fromkeys([*shown_after, *shown_before]))
    standings_before, standings_after = find_standings(before, items), find_standings(after, items)
    return WhatIf(
        request_id=before.request.request_id,
        moves=tuple(
            ItemMove(item_id, _title(item_id, after, before), old, new)
            for item_id, old, new in zip(items, standings_before, standings_after, strict=True)
        ),
        entered=tuple(item for item in shown_after if item not in set(shown_before)),
        left=tuple(item for item in shown_before if item not in set(shown_after)),
    )


def find_standings(case: RankedCase, item_ids: Sequence[str]) -> list[Standing]:
    """Return how items stand in a ranked case, in the order asked."""
    slot_of = {item.item_id: item.position for item in case.slate.shown}
    known = [item_id for item_id in item_ids if item_id in case.catalogue.row_of]
    added = dict(zip(known, _contributions(case, known), strict=True))
    names = block_names(case.catalogue)
    return [
        Standing(
            slot=slot_of.get(item_id),
            rank=_rank(case, item_id),
            score=_score(added.get(item_id)),
            contributions=dict(zip(names, added[item_id].tolist(), strict=True))
            if item_id in added
            else {},
        )
        for item_id in item_ids
    ]


def _rank(case: RankedCase, item_id: str) -> int | None:
    """Return an item's rank among all eligible items; the shortlist tells most of them."""
    # launches that were ranked besides stand in the shortlist below items that it lacks
    if not case.request.surface_plan.launch_slots and item_id in case.slate.shortlist:
        return case.slate.shortlist.index(item_id) + 1
    return rank_item(case.catalogue, case.request, item_id).rank


def _contributions(case: RankedCase, item_ids: Sequence[str]) -> Float64Array:
    rows = np.array([case.catalogue.row_of[item_id] for item_id in item_ids], dtype=np.intp)
    return score_rows(case.catalogue, case.request.member_vector, rows)


def _score(contributions: Float64Array | None) -> float | None:
    if contributions is None:
        return None
    return float(round_scores(contributions[None, :])[0])


def _title(item_id: str, *cases: RankedCase) -> str:
    for case in cases:
        row = case.catalogue.row_of.get(item_id)
        if row is not None:
            return case.catalogue.items[row].title
    return ""
