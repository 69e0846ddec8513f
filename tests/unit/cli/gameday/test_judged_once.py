"""A judgement is remembered as long as question, context and answer are the same."""

import pyarrow as pa
import pytest
from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.adapters.memory import MemoryBlobs
from recsysops.cli.gameday.judged_once import JudgedOnce
from recsysops.detection.catalogue import find_audit
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.plan_audits import PlannedAudit, plan_one
from recsysops.workflows.run_audit import judge_planned

from tests.unit.detection.distributions import context


def test_only_another_context_or_another_answer_is_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake, judged = ArrowLake(), []

    def judge(planned: PlannedAudit, **ports: object) -> object:
        judged.append(planned)
        return judge_planned(planned, **ports)  # type: ignore[arg-type]

    monkeypatch.setattr("recsysops.cli.gameday.judged_once.judge_planned", judge)
    once = JudgedOnce(lake, BaselineStore(MemoryBlobs()))
    planned, later = (
        plan_one(find_audit("flags"), context(run_id=name)) for name in ("now", "later")
    )
    said = [once.judge(one) for one in (planned, planned, later)]
    assert said[0] is said[1]
    assert len(judged) == 2
    for table, seen_again in (("feedback", 2), ("slim_requests", 3)):
        lake.put(table, "1", pa.table({"dt": ["2026-03-02"]}))
        lake.compose({table: ["1"]})
        once.judge(planned)
        assert len(judged) == seen_again
    once.forget()
    once.judge(planned)
    assert len(judged) == 4
