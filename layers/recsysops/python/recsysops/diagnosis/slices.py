"""What the odd items have in common: the facet value that covers them best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from recsysops.diagnosis.items_as_served import ServedItem

_FACETS: dict[str, Callable[[ServedItem], Sequence[str]]] = {
    "source": lambda item: [item.source],
    "language before": lambda item: [str(item.language)],
    "genre": lambda item: sorted(item.genres),
    "decade": lambda item: ["none" if item.year is None else f"{item.year // 10 * 10}s"],
}


@dataclass(frozen=True, slots=True)
class SliceMatch:
    """One facet value beside the odd items: precision, recall and their Jaccard index."""

    facet: str
    value: str
    items: int
    odd_items: int
    precision: float
    recall: float
    jaccard: float


def rank_slices(
    items: Sequence[ServedItem], odd: Collection[str], *, most: int = 5
) -> list[SliceMatch]:
    """Return the facet values whose items overlap the odd ones best, by Jaccard index.

    `items` carry the last good values. No odd items give no slices.
    """
    odd_ids = set(odd)
    matches = [
        match
        for facet, read in _FACETS.items()
        for match in _matches_of_facet(items, odd_ids, facet=facet, read=read)
    ]
    return sorted(matches, key=lambda match: (-match.jaccard, match.facet, match.value))[:most]


def jaccard_index(left: Collection[str], right: Collection[str]) -> float:
    """Return |left and right| / |left or right|; two empty sets are equal, so 1."""
    union = set(left) | set(right)
    return len(set(left) & set(right)) / len(union) if union else 1.0


def _matches_of_facet(
    items: Sequence[ServedItem],
    odd: set[str],
    *,
    facet: str,
    read: Callable[[ServedItem], Sequence[str]],
) -> list[SliceMatch]:
    members = Counter(value for item in items for value in read(item))
    hits = Counter(value for item in items if item.item_id in odd for value in read(item))
    return [
        SliceMatch(
            facet=facet,
            value=value,
            items=members[value],
            odd_items=count,
            precision=count / members[value],
            recall=count / len(odd),
            jaccard=count / (members[value] + len(odd) - count),
        )
        for value, count in hits.items()
    ]
