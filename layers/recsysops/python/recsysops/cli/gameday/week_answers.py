"""Asks what windows in a row will be judged by at once, audit by audit: hours, days of a week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.context import AuditContext, make_context
from recsysops.detection.declaration import Audit
from recsysops.detection.many_windows import can_ask_together, render_together, split_answer
from recsysops.detection.packed import add_up, read_packed, tell_packed
from recsysops.errors import DependencyError
from recsysops.ports import Row
from recsysops.vocabulary import Window
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import AuditPlan, PlannedAudit

_ADDS_UP: Final = frozenset(
    {
        "choice_rank", "day_volume", "downstream_echo", "empty_slates", "event_clock",
        "feedback_loss", "feedback_rates", "genre_calibration", "launch_rank", "log_loss",
        "log_schema", "model_age", "predictions", "repeated_rows", "slate_quality", "slate_spread",
        "snapshot_age", "table_freshness", "training_serving_skew",
    }
)  # fmt: skip
"""Audits whose rows of a quiet week are the sums of its days': they count rows of the log, and bin
nothing by quantiles of a reference, weigh nothing by its share of a week, count nothing once."""


def ask_together(lake: ArrowLake, planned: Sequence[PlannedAudit]) -> None:
    """Ask what windows in a row will be judged by at once, so that the lake knows the answers.

    What is cumulative has no windows of its own; what fails fails alone again.
    """
    unknown: dict[str, list[PlannedAudit]] = defaultdict(list)
    for one in planned:
        if not one.audit.cumulative and not lake.knows(one.sql):
            unknown[one.audit.name].append(one)
    for alike in unknown.values():
        with suppress(DependencyError):
            rows = lake.run(render_together(alike[0].audit, [one.context for one in alike]))
            _, windows = split_answer(rows, windows=len(alike))
            for one, found in zip(alike, windows, strict=True):
                lake.learn(one.sql, found)


class WeekAnswers:
    """Answers to the daily audits of windows in a row, told to the lake day by day.

    An audit whose reference is kept already is not asked: its days ask for themselves. Where the
    reference is the week that was asked about before, what adds up is added up.
    """

    def __init__(self, lake: ArrowLake, baselines: BaselineStore) -> None:
        self._lake = lake
        self._baselines = baselines
        self._week: tuple[AuditContext, ...] = ()
        self._found: dict[str, tuple[list[Row], list[list[Row]]]] = {}

    def ask(self, windows: Sequence[Window], reference: Window) -> None:
        """Ask every daily audit that can be about all windows; one that fails fails alone again."""
        before, self._found = self._days_of(reference), {}
        self._week = tuple(make_context(window=one, reference=reference) for one in windows)
        for audit in AUDITS:
            if (
                audit.every == "day"
                and can_ask_together(audit)
                and self._baselines.find(audit, reference) is None
            ):
                with suppress(DependencyError):
                    self._found[audit.name] = self._ask_one(audit, before.get(audit.name))

    def tell(self, plan: AuditPlan, *, place: int) -> None:
        """Tell the lake what the plan of a day will ask."""
        for planned in plan.audits:
            if planned.audit.name in self._found:
                reference, windows = self._found[planned.audit.name]
                before = reference if planned.context.asked == "both" else []
                self._lake.learn(planned.sql, [*before, *windows[place]])

    def _days_of(self, reference: Window) -> dict[str, list[list[Row]]]:
        """Return what was found, day by day, when the reference was the week asked about."""
        if not self._week:
            return {}
        first, last = self._week[0], self._week[-1]
        if (first.window_start, last.window_end) != (reference.start, reference.end):
            return {}
        return {name: days for name, (_, days) in self._found.items() if name in _ADDS_UP}

    def _ask_one(
        self, audit: Audit, days: list[list[Row]] | None
    ) -> tuple[list[Row], list[list[Row]]]:
        contexts = self._week
        if days is not None:
            contexts = tuple(one.model_copy(update={"asked": "window"}) for one in contexts)
        rows = self._lake.run(render_together(audit, contexts))
        reference, windows = split_answer(rows, windows=len(contexts))
        if days is not None:
            sums = add_up([read_packed(day) for day in days])
            reference = tell_packed(sums, period="reference")
        return reference, windows
