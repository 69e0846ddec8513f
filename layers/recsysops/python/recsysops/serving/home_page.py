"""Knows what stands on a home page: named rows of items, no item twice.

The first row is the ordinary slate, exploration included. Every further row is a function of the
same logged inputs and of the rows above it, so a page is replayed from one record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from recsysops.errors import BadData
from recsysops.model.catalogue import Catalogue, day_of
from recsysops.request_log.records import FullRequest
from recsysops.request_log.sampling import RECENT_LAUNCH_DAYS
from recsysops.serving.ranking import RankedSlate, RankingRequest, rank_slate
from recsysops.serving.replay import ranking_request_of
from recsysops.serving.similar import (
    SimilarityIndex,
    SimilarityIndexes,
    SimilarityQuery,
    find_similar,
)
from recsysops.vocabulary import PLAIN_SURFACE, Hotfix

RowName = Literal["top_picks", "because_you_watched", "launches", "trending"]

HOME_LAYOUT = "home-1"
"""Names the rows and their order below; a record says it, so that another layout can follow."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """One row, best first. scores: of the ranking; cosines in `because_you_watched`.

    because_of: the item that the row is about, None in the other rows.
    """

    name: RowName
    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    because_of: str | None = None


def fill_rows(
    catalogue: Catalogue, ranking: RankingRequest, slate: RankedSlate, *, index: SimilarityIndex
) -> tuple[PageRow, ...]:
    """Return the rows of a page, the slate first; rows without items are left out.

    Each further row holds at most `ranking.limit` items that are eligible for the request and
    stand in no row above.
    """
    shown = slate.shown
    rows = [
        PageRow("top_picks", tuple(i.item_id for i in shown), tuple(i.score for i in shown)),
    ]
    rows.append(_because_you_watched(catalogue, ranking, _taken(rows), index=index))
    rows.append(_launches(catalogue, ranking, _taken(rows)))
    rows.append(_trending(catalogue, ranking, _taken(rows)))
    return tuple(row for row in rows if row.item_ids)


def is_page_repeated(
    record: FullRequest,
    slate: RankedSlate,
    catalogue: Catalogue,
    *,
    hotfixes: Sequence[Hotfix],
    indexes: SimilarityIndexes,
) -> bool:
    """Fill a logged page again below its repeated slate; say whether every bit is the record's.

    Raises: BadData when the record is of a layout that this code does not know.
    """
    if record.layout != HOME_LAYOUT:
        raise BadData(f"layout {record.layout!r} is unknown; this code fills {HOME_LAYOUT!r}")
    ranking = ranking_request_of(record, catalogue, hotfixes=hotfixes)
    rows = fill_rows(catalogue, ranking, slate, index=indexes.of(catalogue))
    return flatten_rows(rows) == (record.row_names, record.row_items, record.row_scores)


def flatten_rows(rows: Sequence[PageRow]) -> tuple[list[str], list[str], list[float]]:
    """Return the rows below the slate as the log keeps them: name, item id and score per slot."""
    if not rows:
        return [], [], []
    below = [row for row in rows if row.name != "top_picks"]
    names: list[str] = [row.name for row in below for _ in row.item_ids]
    item_ids = [item_id for row in below for item_id in row.item_ids]
    return names, item_ids, [score for row in below for score in row.scores]


def newest_watched(catalogue: Catalogue, ranking: RankingRequest) -> str | None:
    """Return the last item a member chose that the catalogue has a vector of."""
    for item_id in reversed(ranking.excluded):
        row = catalogue.row_of.get(item_id)
        if row is not None and catalogue.matrix[row].any():
            return item_id
    return None


def _taken(rows: Sequence[PageRow]) -> tuple[str, ...]:
    return tuple(item_id for row in rows for item_id in row.item_ids)


def _because_you_watched(
    catalogue: Catalogue, ranking: RankingRequest, taken: tuple[str, ...], *, index: SimilarityIndex
) -> PageRow:
    watched = newest_watched(catalogue, ranking)
    if watched is None:
        return PageRow("because_you_watched", (), ())
    query = SimilarityQuery(
        vector=catalogue.matrix[catalogue.row_of[watched]],
        event_time=ranking.event_time,
        limit=ranking.limit,
        excluded=ranking.blocked.union(ranking.excluded, taken),
        filters=ranking.filters,
    )
    found = find_similar(catalogue, query, index=index)
    ids, cosines = tuple(item_id for item_id, _ in found), tuple(cosine for _, cosine in found)
    return PageRow("because_you_watched", ids, cosines, because_of=watched)


def _launches(catalogue: Catalogue, ranking: RankingRequest, taken: tuple[str, ...]) -> PageRow:
    since = day_of(ranking.event_time) - RECENT_LAUNCH_DAYS
    recent = [catalogue.ids[row] for row in (catalogue.launch_days > since).nonzero()[0].tolist()]
    if not recent:  # no candidates would mean the whole catalogue
        return PageRow("launches", (), ())
    return _rank("launches", catalogue, replace(ranking, candidates=tuple(recent)), taken)


def _trending(catalogue: Catalogue, ranking: RankingRequest, taken: tuple[str, ...]) -> PageRow:
    cold = replace(ranking, member_vector=None, session_items=())
    return _rank("trending", catalogue, cold, taken)


def _rank(
    name: RowName, catalogue: Catalogue, ranking: RankingRequest, taken: tuple[str, ...]
) -> PageRow:
    plain = replace(
        ranking,
        excluded=(*ranking.excluded, *taken),
        explore_rate=0.0,  # only the first row's slots have propensities
        surface_plan=PLAIN_SURFACE,
    )
    shown = rank_slate(catalogue, plain).shown
    return PageRow(name, tuple(i.item_id for i in shown), tuple(i.score for i in shown))
