"""Previews a hotfix on logged requests: who is touched, what moves, what members would choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from recsysops.errors import ArtefactError, CouldNotJudge
from recsysops.experiments.examination import PRIOR_DECAY
from recsysops.experiments.slate_support import SupportRules
from recsysops.model.kernel import Float32Array
from recsysops.model.packing import unpack_vector
from recsysops.ports import MemberStore, QueryEngine
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import FeedbackEvent, LogRecord, SlimRequest
from recsysops.request_log.sql import Declared, render_sql, utc_day
from recsysops.resolution.expected_choices import ExpectedChoices, expect_choices
from recsysops.resolution.logged_window import LoggedWindow, arrange_window
from recsysops.resolution.menu import MENU, UNDO
from recsysops.resolution.replayed_window import (
    Catalogues,
    MemberVectors,
    ReplayedWindow,
    replay_window,
)
from recsysops.resolution.trade_off import (
    ExposureMove,
    OrderChange,
    measure_exposure_moves,
    measure_order_change,
)
from recsysops.serving.hotfixes import count_unknown_items
from recsysops.vocabulary import FeedbackKind, Hotfix, Window
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import read_full_records

LATENESS = timedelta(hours=6)
"""Feedback on a window's requests may come this long after the window."""

_LOGGED = """
SELECT {columns}
FROM {table} r
WHERE r.dt >= {first_day} AND r.event_time >= {start} AND r.event_time < {end}"""


@dataclass(frozen=True, slots=True)
class HotfixPreview:
    """What a hotfix would have done to a logged window.

    requests: requests of the window; replayed: full records behind the preview. expected is None
    where `refusal` says why clicks could not be judged. unknown_items: ids the hotfix names and
    the catalogue lacks.
    """

    hotfix: Hotfix
    requests: int
    replayed: int
    order: OrderChange
    exposure_moves: tuple[ExposureMove, ...]
    expected: ExpectedChoices | None
    refusal: str | None
    unknown_items: int
    trade_off: str
    undo: str

    def to_document(self) -> dict[str, object]:
        """Return the preview as JSON-ready values."""
        document = asdict(self)
        document["hotfix"]["expires_at"] = self.hotfix.expires_at.isoformat()
        return document


def preview_hotfix(
    hotfix: Hotfix,
    *,
    window: LoggedWindow,
    catalogues: Catalogues,
    member_vectors: MemberVectors | None = None,
    rules: SupportRules | None = None,
) -> HotfixPreview:
    """Replay a window with and without a hotfix and report the trade-off.

    Args:
        hotfix: as it would be deployed; members outside its percentage keep their slates.
        window: what was logged, see `arrange_window` or `read_window`.
        catalogues: a CatalogueCache.
        member_vectors: needed to preview pin_model, see `vectors_of`.
        rules: what the log must offer before clicks are judged.

    Raises: CouldNotJudge when the hotfix cannot even be replayed.
    """
    replayed = replay_window(window, hotfix, catalogues, member_vectors=member_vectors)
    expected, refusal = _expect(replayed, rules)
    decay = PRIOR_DECAY if expected is None else expected.evidence.get("examination_decay")
    return HotfixPreview(
        hotfix=hotfix,
        requests=int(window.totals.requests.sum()),
        replayed=len(window.choices),
        order=measure_order_change(replayed),
        exposure_moves=measure_exposure_moves(replayed, decay=decay or PRIOR_DECAY),
        expected=expected,
        refusal=refusal,
        unknown_items=_count_unknown(replayed, hotfix),
        trade_off=MENU[hotfix.kind].trade_off,
        undo=UNDO,
    )


def read_window(
    queries: QueryEngine, window: Window, *, kind: FeedbackKind = "click"
) -> LoggedWindow:
    """Read a window of the lake: full records, slim lines, and feedback of that kind.

    Raises: DependencyError, BadData for a garbled row.
    """
    return arrange_window(
        read_full_records(queries, window=window),
        read_slim_lines(queries, window),
        read_feedback(queries, replace(window, end=window.end + LATENESS)),
        kind=kind,
    )


def read_slim_lines(queries: QueryEngine, window: Window) -> list[SlimRequest]:
    """Read the slim lines of a window, each request once. Raises: DependencyError, BadData."""
    rows = queries.run(_window_sql(SlimRequest, "slim_requests", window))
    lines = (read_lake_row(SlimRequest, row) for row in rows)
    return list({line.request_id: line for line in lines}.values())


def read_feedback(queries: QueryEngine, window: Window) -> list[FeedbackEvent]:
    """Read the feedback of a window, each event once. Raises: DependencyError, BadData."""
    rows = queries.run(_window_sql(FeedbackEvent, "feedback", window))
    events = (read_lake_row(FeedbackEvent, row) for row in rows)
    return list({event.event_id: event for event in events}.values())


def vectors_of(
    member_ids: Iterable[str], members: MemberStore, catalogues: CatalogueCache
) -> MemberVectors:
    """Return a look-up of member vectors by pseudonym, which only live member rows can give.

    Members without a vector for a model (or without a row) are not found.
    """
    known = (members.get(member_id) for member_id in dict.fromkeys(member_ids))
    by_pseudonym: Mapping[str, Mapping[str, bytes]] = {
        pseudonym_of(member.member_id, salt=member.salt): member.vectors
        for member in known
        if member is not None
    }

    def find(model_id: str, pseudonym: str) -> Float32Array | None:
        packed = by_pseudonym.get(pseudonym, {}).get(model_id)
        if packed is None:
            return None
        try:
            return unpack_vector(packed, owner=catalogues.artefact(model_id).owner)
        except ArtefactError:
            return None

    return find


def _window_sql(record: type[LogRecord], table: str, window: Window) -> str:
    return render_sql(
        _LOGGED,
        columns=Declared(select_columns(record, table="r")),
        table=Declared(table),
        first_day=utc_day(window.start),
        start=window.start,
        end=window.end,
    )


def _expect(
    replayed: ReplayedWindow, rules: SupportRules | None
) -> tuple[ExpectedChoices | None, str | None]:
    try:
        return expect_choices(replayed, rules=rules), None
    except CouldNotJudge as refusal:
        return None, str(refusal)


def _count_unknown(replayed: ReplayedWindow, hotfix: Hotfix) -> int:
    catalogues = replayed.catalogues.values()
    return min((count_unknown_items(one, [hotfix]) for one in catalogues), default=0)
