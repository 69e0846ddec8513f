"""Remembers judgements: the same question, answered alike in the same context, is judged alike."""

from __future__ import annotations

from recsysops.adapters.arrow_lake import ArrowLake, LakeKey
from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import PlannedAudit
from recsysops.workflows.run_audit import judge_planned


class JudgedOnce:
    """Judges as `judge_planned` does, once per audit, context and answer of one lake.

    The reference is part of the context, and what is kept of it never changes.
    """

    def __init__(self, lake: ArrowLake, baselines: BaselineStore) -> None:
        self._lake = lake
        self._baselines = baselines
        self._known: dict[tuple[str, AuditContext, LakeKey], Judgement] = {}

    def judge(self, planned: PlannedAudit) -> Judgement:
        """Return what is said to the lake's answer as it is composed now."""
        key = planned.audit.name, planned.context, self._lake.key_of(planned.sql)
        if key not in self._known:
            self._known[key] = judge_planned(planned, queries=self._lake, baselines=self._baselines)
        return self._known[key]

    def forget(self) -> None:
        """Forget all judgements, and the lake's answers."""
        self._known.clear()
        self._lake.forget_answers()
