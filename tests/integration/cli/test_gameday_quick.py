"""Every labelled fault once, in its largest size, and a quiet week in each kind of world.

What CI runs of `recsysops gameday --quick`, a third of it: middle and small sizes, and the other
eight quiet weeks, are for people. Seeds below 1000, as for everything that thresholds may see.
"""

import pytest
from recsysops.cli.gameday.plan import QUICK, plan_tasks
from recsysops.cli.gameday.summary import FOUND_LIMIT, summarise
from recsysops.cli.gameday.worlds import FaultTask, QuietTask, run_task
from recsysops.simulation.gauntlet.fault_file import load_faults
from recsysops.simulation.gauntlet.world import WorldKind

_SEED = 3


@pytest.mark.parametrize("kind", ["simulated", "movielens"])
def test_every_large_fault_is_found_and_a_quiet_week_stays_quiet(kind: WorldKind) -> None:
    tasks = plan_tasks(load_faults(), first_seed=_SEED, extent=QUICK)
    [planned] = [task for task in tasks if isinstance(task, FaultTask) and task.kind == kind]
    large = tuple(world for world in planned.faults if world[1] == "large")
    rows = [
        *run_task(FaultTask(kind, _SEED, large)),
        *run_task(QuietTask(kind, _SEED, weeks=1)),
    ]
    summary = summarise(rows)
    missed = {row.fault: row.said for row in rows if row.magnitude and not row.found}
    assert len(large) > 20
    assert summary.found["large"] >= FOUND_LIMIT, missed
    assert summary.windows["large"] <= 1.0
    assert summary.false_per_week == 0.0, rows[-1].said
