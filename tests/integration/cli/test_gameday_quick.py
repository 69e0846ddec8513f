"""`recsysops gameday --quick`, by kind of world: middle and large faults, and four quiet weeks.

Seeds below 1000, as for everything that thresholds may see.
"""

import pytest
from recsysops.cli.gameday.plan import QUICK, plan_tasks
from recsysops.cli.gameday.summary import FOUND_LIMIT, summarise
from recsysops.cli.gameday.worlds import run_task
from recsysops.simulation.gauntlet.fault_file import load_faults
from recsysops.simulation.gauntlet.world import WorldKind

_SEED = 3


@pytest.mark.parametrize("kind", ["simulated", "movielens"])
def test_faults_are_found_at_once_and_quiet_weeks_stay_quiet(kind: WorldKind) -> None:
    tasks = plan_tasks(load_faults(), first_seed=_SEED, extent=QUICK)
    rows = [row for task in tasks if task.kind == kind for row in run_task(task)]
    summary = summarise(rows)
    missed = {(row.fault, row.magnitude): row.said for row in rows if row.was_wrong}
    assert len(rows) > 40
    assert min(summary.found["middle"], summary.found["large"]) >= FOUND_LIMIT, missed
    assert max(summary.windows["middle"], summary.windows["large"]) <= 1.0
    assert summary.false_per_week == 0.0, missed
