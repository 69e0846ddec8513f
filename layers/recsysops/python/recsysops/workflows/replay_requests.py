"""Replays logged requests from nothing but the log, the artefacts, the snapshots and the flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from recsysops.errors import ArtefactError, BadData, BadInput, FlagError
from recsysops.model.catalogue import Catalogue
from recsysops.ports import QueryEngine
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.records import FullRequest
from recsysops.request_log.sql import Declared, SqlValue, render_sql, utc_day
from recsysops.serving.home_page import is_page_repeated
from recsysops.serving.replay import (
    ReplayVerdict,
    compare_replay,
    is_same_machine,
    logged_hotfixes,
    refuse_changed_inputs,
    replay_record,
)
from recsysops.serving.similar import SimilarityIndexes
from recsysops.vocabulary import Hotfix, ReplayOutcome, Window
from recsysops.workflows.load_catalogue import CatalogueCache

_RECORDS = "SELECT {columns} FROM full_requests r WHERE"
_CONDITIONS = {
    "first_day": "r.dt >= {first_day}",
    "start": "r.event_time >= {start}",
    "end": "r.event_time < {end}",
    "request_id": "r.request_id = {request_id}",
}
# ids often count upwards: read backwards, their order is spread over the window
_SPREAD = "ORDER BY reverse(r.request_id)"


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """What became of one record; `reason` says why it was refused."""

    request_id: str
    outcome: ReplayOutcome
    verdict: ReplayVerdict | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """All replayed records, in the order given."""

    requests: tuple[ReplayedRequest, ...]

    def count(self, outcome: ReplayOutcome) -> int:
        """Return how many records ended so."""
        return Counter(request.outcome for request in self.requests)[outcome]

    @property
    def holds(self) -> bool:
        """Every record could be repeated, as exactly as its machine allows; false when empty."""
        repeated = self.count("bit_equal") + self.count("within_one_ulp")
        return bool(self.requests) and repeated == len(self.requests)


def replay_requests(
    records: Iterable[FullRequest], *, cache: CatalogueCache, check_digests: bool = True
) -> ReplayReport:
    """Recompute every record and compare.

    Records whose inputs were changed, or whose artefact, snapshot or flags cannot be read, are
    refused with the reason; `check_digests=False` recomputes changed inputs too.

    Raises: DependencyError when the bucket cannot be reached.
    """
    indexes = SimilarityIndexes()
    return ReplayReport(
        tuple(
            _replay_one(record, cache, indexes=indexes, check_digests=check_digests)
            for record in records
        )
    )


def read_full_records(
    queries: QueryEngine,
    *,
    window: Window | None = None,
    request_id: str | None = None,
    limit: int | None = None,
) -> list[FullRequest]:
    """Read full records of a window or of one request from the lake, each request once.

    They come grouped by model and snapshot, so that a small cache does for replaying them; at
    most `limit` of them, spread over the window.

    Raises: BadInput unless a window or a request id is given; BadData for a garbled row.
    """
    rows = queries.run(_records_sql(window, request_id, limit))
    records = (read_lake_row(FullRequest, row) for row in rows)
    distinct = {record.request_id: record for record in records}.values()
    return sorted(distinct, key=lambda r: (r.model_id, r.delta_id, r.event_time, r.request_id))


class LoggedSource(Protocol):
    """What a logged row says it was ranked with."""

    @property
    def model_id(self) -> str:
        """Model that scored."""

    @property
    def delta_id(self) -> str:
        """Snapshot that was served."""

    @property
    def flag_version(self) -> str:
        """Hotfix document that was read."""

    @property
    def hotfix_ids(self) -> list[str]:
        """Hotfixes the request was exposed to."""


def load_logged_catalogue(
    record: LoggedSource, cache: CatalogueCache
) -> tuple[Catalogue, tuple[Hotfix, ...]]:
    """Return the catalogue a record was ranked with and the hotfixes it was exposed to.

    Raises: ArtefactError, FlagError, BadData.
    """
    hotfixes: tuple[Hotfix, ...] = ()
    if record.hotfix_ids:
        document = cache.flag_document(record.flag_version)
        hotfixes = logged_hotfixes(record.hotfix_ids, document)
    return cache.load(record.model_id, record.delta_id, hotfixes), hotfixes


def _replay_one(
    record: FullRequest,
    cache: CatalogueCache,
    *,
    indexes: SimilarityIndexes,
    check_digests: bool,
) -> ReplayedRequest:
    try:
        if check_digests:
            refuse_changed_inputs(record)
        catalogue, hotfixes = load_logged_catalogue(record, cache)
        slate = replay_record(record, catalogue, hotfixes=hotfixes)
        page_differs = record.layout is not None and not is_page_repeated(
            record, slate, catalogue, hotfixes=hotfixes, indexes=indexes
        )
    except (ArtefactError, FlagError, BadData) as error:
        return ReplayedRequest(record.request_id, "refused", reason=str(error))
    verdict = compare_replay(record, slate)
    if page_differs:
        verdict = replace(verdict, bit_equal=False, differences=(*verdict.differences, "rows"))
    return ReplayedRequest(record.request_id, name_outcome(record, verdict), verdict)


def name_outcome(record: FullRequest, verdict: ReplayVerdict) -> ReplayOutcome:
    """Name how a repeated request compares, given which machine wrote its record."""
    if verdict.bit_equal:
        return "bit_equal"
    if not is_same_machine(record) and verdict.same_order and verdict.max_ulp <= 1:
        return "within_one_ulp"
    return "different"


def _records_sql(window: Window | None, request_id: str | None, limit: int | None) -> str:
    asked: dict[str, SqlValue] = {}
    if window is not None:
        asked |= {"first_day": utc_day(window.start), "start": window.start, "end": window.end}
    if request_id is not None:
        asked["request_id"] = request_id
    conditions = [_CONDITIONS[name] for name in asked]
    if not conditions:
        raise BadInput("name a window or a request id; the whole log is never read")
    bound: dict[str, SqlValue] = {} if limit is None else {"limit": limit}
    template = "\n".join(
        [_RECORDS, " AND ".join(conditions), _SPREAD, *(["LIMIT {limit}"] if bound else [])]
    )
    columns = Declared(select_columns(FullRequest, table="r"))
    return render_sql(template, columns=columns, **asked, **bound)
