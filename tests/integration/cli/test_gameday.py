"""The gauntlet in process: real worlds, the real catalogue of audits, graded."""

from recsysops.cli.gameday.worlds import FaultTask, QuietTask, run_task
from recsysops.simulation.gauntlet.fault_file import load_faults


def test_a_middle_and_a_large_fault_are_found_within_a_window() -> None:
    faults = {fault.name: fault for fault in load_faults()}
    chosen = (
        (faults["zero_fill_year"], "middle"),
        (faults["wrong_model_pinned"], "large"),
    )
    rows = run_task(FaultTask("simulated", 3, chosen))
    assert [(row.fault, row.found, row.windows, row.false_incidents) for row in rows] == [
        ("zero_fill_year", True, 1, 0),
        ("wrong_model_pinned", True, 1, 0),
    ]


def test_a_quiet_week_raises_nothing() -> None:
    [row] = run_task(QuietTask("simulated", 3, weeks=1))
    assert (row.fault, row.found, row.false_incidents, row.said) == ("none", False, 0, ())
