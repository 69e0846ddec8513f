"""What a game day comes to, counted by hand, and which worlds it runs."""

from typing import get_args

from recsysops.cli.gameday.grading import NO_FAULT, WorldRow
from recsysops.cli.gameday.plan import FULL, QUICK, expect_cpu_seconds, plan_tasks
from recsysops.cli.gameday.summary import summarise, table_of
from recsysops.cli.gameday.worlds import QuietTask
from recsysops.simulation.gauntlet.fault_file import Magnitude, load_faults


def _row(
    fault: str, magnitude: Magnitude | None, *, windows: int | None, false: int = 0
) -> WorldRow:
    found = windows is not None
    return WorldRow(fault, magnitude, 1, "simulated", found, windows, false, {})


def test_found_shares_and_windows_are_by_magnitude() -> None:
    rows = [
        _row("a", "middle", windows=1),
        _row("a", "middle", windows=3),
        _row("a", "middle", windows=None),
        _row("a", "small", windows=None),
    ]
    summary = summarise(rows)
    assert summary.found == {"small": 0.0, "middle": 2 / 3}
    assert summary.windows == {"middle": 2.0}
    assert not summary.ok
    assert table_of(rows)[0]["middle"] == "2/3"


def test_a_missed_small_fault_breaks_no_promise_but_wolf_cries_do() -> None:
    found = [_row("a", "small", windows=None), _row("a", "large", windows=1)]
    quiet = [_row(NO_FAULT, None, windows=None, false=number) for number in (0, 0, 0, 1)]
    assert summarise(found).ok
    assert summarise([*found, *quiet]).false_per_week == 0.25
    assert not summarise([*found, *quiet]).ok


def test_a_full_game_day_is_as_large_as_promised_and_uses_both_kinds_of_worlds() -> None:
    faults = load_faults()
    tasks = plan_tasks(faults, first_seed=1000, extent=FULL)
    quiet = [task for task in tasks if isinstance(task, QuietTask)]
    assert len(faults) >= 30
    assert sum(task.worlds for task in quiet) == 300
    assert len({task.seed for task in quiet}) == len(quiet)
    assert [task.weeks for task in quiet[-5:]] == [10, 5, 3, 1, 1]  # workers end together
    worlds = sum(task.worlds for task in tasks) - sum(task.worlds for task in quiet)
    assert worlds == len(faults) * len(get_args(Magnitude)) * 10
    assert {task.kind for task in tasks} == {"simulated", "movielens"}
    assert min(task.seed for task in tasks) == 1000
    assert len(plan_tasks(faults, first_seed=1000, extent=QUICK)) < len(tasks)


def test_a_seeds_faults_are_one_task_and_long_tasks_come_first() -> None:
    faults = load_faults()
    tasks = plan_tasks(faults, first_seed=1000, extent=FULL)
    seeds = [task.seed for task in tasks if not isinstance(task, QuietTask)]
    assert seeds == list(range(1000, 1010))
    assert not any(isinstance(task, QuietTask) for task in tasks[: len(seeds)])
    quick = plan_tasks(faults, first_seed=1000, extent=QUICK)
    assert 10 * expect_cpu_seconds(quick) < expect_cpu_seconds(tasks)
    assert expect_cpu_seconds([]) == 0.0


def test_no_fault_no_task_of_faults() -> None:
    tasks = plan_tasks((), first_seed=0, extent=QUICK)
    assert all(isinstance(task, QuietTask) for task in tasks)
