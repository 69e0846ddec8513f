"""Which stretch of event time an audit run judges, and against which reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from recsysops.errors import BadInput
from recsysops.vocabulary import Window

DEFAULT_WINDOW = timedelta(hours=24)
Cadence = Literal["hour", "day"]
"""How often an audit's window is judged, and how long it is."""
Asked = Literal["both", "reference", "window"]
"""Which periods an audit's SQL covers: one alone when the other's aggregates are kept."""
SCHEDULE_HOURS = 1.0
"""How often the schedule starts a run when nobody names a window (infra: cron, every hour)."""


class AuditContext(BaseModel):
    """One audit run: JSON between the steps of the workflow.

    approved_models: ids that may serve. every_hours: how often such a run happens, which decides
    what share of the alert budget it may spend. revision: 0 for the first judgement of a window,
    1 for the one after lateness closed. asked: which periods the SQL is rendered for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str = ""
    window_start: AwareDatetime
    window_end: AwareDatetime
    reference_start: AwareDatetime
    reference_end: AwareDatetime
    approved_models: tuple[str, ...] = ()
    every_hours: float = Field(gt=0)
    revision: int = Field(0, ge=0)
    asked: Asked = "both"
    every: Cadence | None = None
    pinned: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> AuditContext:
        if not (self.reference_start < self.reference_end <= self.window_start < self.window_end):
            raise ValueError(
                "the reference must end before the window starts, and neither may be empty"
            )
        return self

    @property
    def window(self) -> Window:
        """What is judged."""
        return Window(self.window_start, self.window_end)

    @property
    def reference(self) -> Window:
        """What it is compared with."""
        return Window(self.reference_start, self.reference_end)


def make_context(
    *,
    window: Window,
    reference: Window,
    approved_models: tuple[str, ...] = (),
    run_id: str = "",
    revision: int = 0,
    every_hours: float | None = None,
) -> AuditContext:
    """Make the context of an explicit window; it is taken to recur as often as it is long.

    Raises: BadInput when the windows are empty or overlap.
    """
    length_hours = (window.end - window.start) / timedelta(hours=1)
    return read_context(
        {
            "run_id": run_id,
            "window_start": window.start,
            "window_end": window.end,
            "reference_start": reference.start,
            "reference_end": reference.end,
            "approved_models": approved_models,
            "every_hours": every_hours or max(length_hours, 1e-3),
            "revision": revision,
        }
    )


def name_windows(window: Window, *, reference: Window) -> dict[str, str]:
    """Return what a run is asked: the explicit windows that `plan_context` reads back."""
    return {
        "window_start": window.start.isoformat(),
        "window_end": window.end.isoformat(),
        "reference_start": reference.start.isoformat(),
        "reference_end": reference.end.isoformat(),
    }


def plan_context(document: Mapping[str, object], *, now: datetime) -> AuditContext:
    """Read what a run was asked to judge; {} is the last 24 full hours against the 24 before.

    Raises: BadInput naming what does not fit.
    """
    if "window_start" in document or "window_end" in document:
        return read_context(_with_defaults(document))
    end = now.replace(minute=0, second=0, microsecond=0)
    start = end - DEFAULT_WINDOW
    return read_context(
        {
            **document,
            "window_start": start,
            "window_end": end,
            "reference_start": start - DEFAULT_WINDOW,
            "reference_end": start,
            "every_hours": SCHEDULE_HOURS,
        }
    )


def read_context(document: Mapping[str, object]) -> AuditContext:
    """Read a context back. Raises: BadInput."""
    try:
        return AuditContext.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "window"
        raise BadInput(f"audit run: {place}: {first['msg']}") from error


def _with_defaults(document: Mapping[str, object]) -> dict[str, object]:
    """Fill in the reference (as long as the window, just before it) and how often it recurs."""
    filled = dict(document)
    try:
        start, end = (datetime.fromisoformat(str(document[f"window_{edge}"]))
                      for edge in ("start", "end"))  # fmt: skip
    except (KeyError, ValueError) as error:
        raise BadInput(
            f"audit run: window_start and window_end must be moments ({error})"
        ) from error
    filled.setdefault("reference_start", start - (end - start))
    filled.setdefault("reference_end", start)
    filled.setdefault("every_hours", max((end - start) / timedelta(hours=1), 1e-3))
    return filled
