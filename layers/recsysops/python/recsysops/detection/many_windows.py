"""One question for a row of windows with one reference: each window is a period of its own.

Every audit groups by period, so a week's days are read once instead of day by day. What comes back
is, window by window, what each question would have answered alone (a test holds them together).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from recsysops.detection.cells import EDGES
from recsysops.detection.context import AuditContext
from recsysops.detection.declaration import Audit
from recsysops.detection.sql import render_audit
from recsysops.errors import BadInput
from recsysops.ports import Row

_OF_ONE_WINDOW = (
    "'window'", "{window_start}", "{window_end}", "{reference_end}", "{last_part_start}",
    "{unbroken",
)  # fmt: skip
"""What an audit's SQL may not name: moments of its window, or the window as the only other period.
"""


def can_ask_together(audit: Audit) -> bool:
    """Tell whether an audit's SQL knows windows only as periods that rows belong to."""
    text = audit.tables + audit.to_bin
    return not any(name in text for name in _OF_ONE_WINDOW)


def render_together(audit: Audit, contexts: Sequence[AuditContext]) -> str:
    """Return the audit's SQL for windows that follow one another, against one reference.

    Contexts that ask for the window alone leave the reference out.

    Raises: BadInput when windows leave gaps, references differ, or the audit cannot be asked so.
    """
    if not can_ask_together(audit) or not _is_one_row(contexts):
        raise BadInput(f"audit {audit.name} cannot be asked about these windows together")
    first, last = contexts[0], contexts[-1]
    starts = {_start_of(place): one.window_start for place, one in enumerate(contexts)}
    cases = " ".join(
        f"WHEN event_time >= {{{_start_of(place)}}} THEN '{_period_of(place)}'"
        for place in reversed(range(len(contexts)))
    )
    return render_audit(
        audit.tables,
        first.model_copy(update={"window_end": last.window_end}),
        parameters={**audit.parameters, **starts},
        to_bin=audit.to_bin,
        period=f"CASE {cases} ELSE 'reference' END",
    )


def split_answer(rows: Sequence[Row], *, windows: int) -> tuple[list[Row], list[list[Row]]]:
    """Return the rows about the reference, its edges with them, and those about each window."""
    reference = [row for row in rows if row.get("period") in (EDGES, "reference")]
    place_of = {_period_of(place): place for place in range(windows)}
    found: list[list[Row]] = [[] for _ in range(windows)]
    for row in rows:
        if str(row.get("period")) in place_of:
            found[place_of[str(row["period"])]].append({**row, "period": "window"})
    return reference, found


def _period_of(place: int) -> str:
    return f"window {place}"


def _start_of(place: int) -> str:
    return f"start_of_window_{chr(ord('a') + place)}"


def _is_one_row(contexts: Sequence[AuditContext]) -> bool:
    """Tell whether windows follow one another without a gap, all against the first reference."""
    return bool(contexts) and all(
        after.window_start == before.window_end and after.reference == before.reference
        for before, after in pairwise(contexts)
    )
