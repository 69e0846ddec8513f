"""Which items are comparable to an item, and what they have where it is odd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float64Array, IndexArray
from recsysops.vocabulary import ItemFeatures

ScoredFeature = Literal["genres", "year", "language"]
SCORED_FEATURES: tuple[ScoredFeature, ...] = ("genres", "year", "language")
"""Raw features that feed a block of the score; others cannot harm a rank."""

PEER_COUNT = 80
PRIOR_PEERS = 6.0
"""How many peers the whole catalogue counts for."""

YEAR_TOLERANCE = 5
_YEAR_SCALE = 10.0


@dataclass(frozen=True, slots=True)
class PeerTable:
    """Items as columns, n rows: codes of supplier, language and delivery, genre sets, years.

    Codes are -1 where the value is missing; years NaN; genres (n, g) booleans.
    """

    items: tuple[ItemFeatures, ...]
    sources: IndexArray
    languages: IndexArray
    batches: IndexArray
    genres: NDArray[np.bool_]
    years: Float64Array
    genre_names: tuple[str, ...]
    code_of: dict[str, int]


def tabulate_peers(items: Sequence[ItemFeatures]) -> PeerTable:
    """Turn items that may serve as peers into columns."""
    code_of: dict[str, int] = {}

    def code(kind: str, value: str | None) -> int:
        return -1 if value is None else code_of.setdefault(f"{kind} {value}", len(code_of))

    names = tuple(sorted({genre for item in items for genre in item.genres}))
    place = {name: column for column, name in enumerate(names)}
    genres = np.zeros((len(items), len(names)), dtype=np.bool_)
    for row, item in enumerate(items):
        genres[row, [place[genre] for genre in item.genres]] = True
    return PeerTable(
        items=tuple(items),
        sources=np.array([code("source", item.source) for item in items], dtype=np.intp),
        languages=np.array([code("language", item.language) for item in items], dtype=np.intp),
        batches=np.array([code("batch", delivery_of(item)) for item in items], dtype=np.intp),
        genres=genres,
        years=np.array([np.nan if i.year is None else i.year for i in items], dtype=np.float64),
        genre_names=names,
        code_of=code_of,
    )


def delivery_of(item: ItemFeatures) -> str:
    """Name the delivery an item came with: one supplier, one batch."""
    return f"{item.source}/{item.batch}"


def find_peers(
    table: PeerTable, item: ItemFeatures, *, feature: ScoredFeature, count: int = PEER_COUNT
) -> list[ItemFeatures]:
    """Return the items most like `item` in everything but `feature`, best first.

    The item itself is left out, and so is everything of the same delivery: a batch that is wrong
    as a whole must not testify for itself. (Not so when that delivery is most of what the
    supplier has: a full delivery leaves no other witness, and audits watch it as a whole.)
    Peers without the feature are left out too.
    """
    likeness = _likeness(table, item, feature)
    barred = _same_delivery(table, item) | ~_has(table, feature)
    rows = np.argsort(np.where(barred, np.inf, -likeness), kind="stable")
    usable = rows[: int((~barred).sum())]
    peers = [table.items[row] for row in usable[: count + 1].tolist()]
    return [peer for peer in peers if peer.item_id != item.item_id][:count]


def agreeing_share(
    table: PeerTable, item: ItemFeatures, peers: Sequence[ItemFeatures], *, feature: ScoredFeature
) -> float:
    """Return which share of peers has a like value, shrunk towards the whole catalogue's share.

    Like means: the same language, a year within five, at least one genre in common. A value that
    is rare among peers is one thing; one that no item of the catalogue has is another.
    """
    agreeing = count_agreeing(item, peers, feature=feature)
    return (agreeing + PRIOR_PEERS * _common_share(table, item, feature)) / (
        len(peers) + PRIOR_PEERS
    )


def count_agreeing(
    item: ItemFeatures, peers: Sequence[ItemFeatures], *, feature: ScoredFeature
) -> int:
    """Return how many peers have a like value."""
    return sum(_alike(item, peer, feature) for peer in peers)


def has_feature(item: ItemFeatures, feature: ScoredFeature) -> bool:
    """Say whether upstream gave any value."""
    return bool(item.genres) if feature == "genres" else getattr(item, feature) is not None


def _same_delivery(table: PeerTable, item: ItemFeatures) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = np.equal(
        table.batches, table.code_of.get(f"batch {delivery_of(item)}", -2)
    )
    supplied = np.equal(table.sources, table.code_of.get(f"source {item.source}", -2))
    if 2 * same.sum() > supplied.sum():
        same[:] = False
    return same


def _alike(item: ItemFeatures, peer: ItemFeatures, feature: ScoredFeature) -> bool:
    if feature == "language":
        return item.language == peer.language
    if feature == "genres":
        return bool(set(item.genres) & set(peer.genres))
    if item.year is None or peer.year is None:
        return False
    return abs(item.year - peer.year) <= YEAR_TOLERANCE


def _common_share(table: PeerTable, item: ItemFeatures, feature: ScoredFeature) -> float:
    """Return which share of the other items has a like value: (others + 0.5) / (items + 1)."""
    others = max(0, int(_alike_rows(table, item, feature).sum()) - 1)  # the table holds the item
    return (others + 0.5) / (len(table.items) + 1.0)


def _alike_rows(table: PeerTable, item: ItemFeatures, feature: ScoredFeature) -> NDArray[np.bool_]:
    """Say of every row of the table what `_alike` says of one peer, (n,)."""
    if feature == "language":
        return np.equal(table.languages, table.code_of.get(f"language {item.language}", -2))
    if feature == "genres":
        own = np.array([name in item.genres for name in table.genre_names], dtype=np.bool_)
        return np.asarray((table.genres & own).any(axis=1))
    year = np.nan if item.year is None else item.year
    return np.less_equal(np.abs(table.years - year), YEAR_TOLERANCE)


def _has(table: PeerTable, feature: ScoredFeature) -> NDArray[np.bool_]:
    if feature == "language":
        return np.greater_equal(table.languages, 0)
    if feature == "year":
        return np.isfinite(table.years)
    described: NDArray[np.bool_] = np.asarray(table.genres.any(axis=1))
    return described


def _likeness(table: PeerTable, item: ItemFeatures, feature: ScoredFeature) -> Float64Array:
    """Return supplier (weight 2), language, genre overlap and closeness of years, summed."""
    total = 2.0 * (table.sources == table.code_of.get(f"source {item.source}", -2))
    if feature != "language":
        total = total + (table.languages == table.code_of.get(f"language {item.language}", -2))
    if feature != "genres":
        total = total + _genre_overlap(table, item)
    if feature != "year" and item.year is not None:
        closeness = np.exp(-np.abs(np.nan_to_num(table.years) - item.year) / _YEAR_SCALE)
        total = total + closeness
    likeness: Float64Array = total.astype(np.float64)
    return likeness


def _genre_overlap(table: PeerTable, item: ItemFeatures) -> Float64Array:
    """Return Jaccard overlap with every row's genres, 0 where neither has any."""
    own = np.array([name in item.genres for name in table.genre_names], dtype=np.bool_)
    common = (table.genres & own).sum(axis=1)
    either = (table.genres | own).sum(axis=1)
    overlap: Float64Array = common / np.maximum(either, 1)
    return overlap
