"""Asks what the days of a week will be judged by at once, audit by audit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.detection.catalogue import AUDITS
from recsysops.detection.context import AuditContext, make_context
from recsysops.detection.declaration import Audit
from recsysops.detection.many_windows import can_ask_together, render_together, split_answer
from recsysops.errors import DependencyError
from recsysops.ports import Row
from recsysops.vocabulary import Window
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import AuditPlan

_CHEAPER_ALONE: Final = ("score_drift", "expected_plays")
"""Most of their time goes into rows and bins, which a week has as many of as its days."""


class WeekAnswers:
    """Answers to the daily audits of windows in a row, told to the lake day by day.

    An audit whose reference is kept already is not asked: its days ask for themselves.
    """

    def __init__(self, lake: ArrowLake, baselines: BaselineStore) -> None:
        self._lake = lake
        self._baselines = baselines
        self._found: dict[str, tuple[list[Row], list[list[Row]]]] = {}

    def ask(self, windows: Sequence[Window], reference: Window) -> None:
        """Ask every daily audit that can be about all windows; one that fails fails alone again."""
        contexts = [make_context(window=window, reference=reference) for window in windows]
        for audit in AUDITS:
            if (
                audit.every == "day"
                and can_ask_together(audit)
                and audit.name not in _CHEAPER_ALONE
            ):
                self._ask_one(audit, contexts, reference)

    def tell(self, plan: AuditPlan, *, place: int) -> None:
        """Tell the lake what the plan of a day will ask."""
        for planned in plan.audits:
            if planned.audit.name in self._found:
                reference, windows = self._found[planned.audit.name]
                before = reference if planned.context.asked == "both" else []
                self._lake.learn(planned.sql, [*before, *windows[place]])

    def _ask_one(self, audit: Audit, contexts: Sequence[AuditContext], reference: Window) -> None:
        if self._baselines.find(audit, reference) is None:
            with suppress(DependencyError):
                rows = self._lake.run(render_together(audit, contexts))
                self._found[audit.name] = split_answer(rows, windows=len(contexts))
