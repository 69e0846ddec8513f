"""Workers of a game day: rows come one by one, and a death or Ctrl-C ends the run in one line."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from recsysops.cli.gameday import command, run
from recsysops.cli.gameday.grading import WorldRow
from recsysops.cli.gameday.run import run_tasks
from recsysops.cli.gameday.worlds import FaultTask, QuietTask
from recsysops.errors import DependencyError

# a task without worlds makes its seed's quiet days for seconds: long enough to be interrupted
_LONG = FaultTask("simulated", 3, ())
_QUIET_ROW = WorldRow("none", None, 3, "simulated", False, None, 0, {})


def _kill_workers(number: int) -> None:
    for worker in run.active_children():
        os.kill(worker.pid or 0, number)


def _nobody_is_left() -> bool:
    # the pool's own thread may reap a worker at the same moment: ask again rather than join
    deadline = time.monotonic() + 30
    while run.active_children() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not run.active_children()


def test_a_worker_that_dies_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real_wait = run.wait

    def wait_and_kill(*args: object) -> object:
        _kill_workers(signal.SIGKILL)
        return real_wait(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "wait", wait_and_kill)
    with pytest.raises(DependencyError, match="worker of the game day died"):
        run_tasks([_LONG], workers=1, done=lambda row: None)
    assert _nobody_is_left()


def test_ctrl_c_ends_the_workers_and_keeps_the_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*args: object, **options: object) -> None:
        options["done"](_QUIET_ROW)  # type: ignore[operator]
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "run_tasks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command._run([QuietTask("simulated", 3, 1)], workers=1, quiet=True)
    [line] = (tmp_path / command._ROWS).read_text().splitlines()
    assert WorldRow(**json.loads(line)).fault == "none"


def _press_ctrl_c() -> None:
    raise KeyboardInterrupt


def _ask_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("end", "left_by"), [(_press_ctrl_c, KeyboardInterrupt), (_ask_to_end, SystemExit)]
)
def test_an_interrupted_run_leaves_no_worker_behind(
    end: Callable[[], None], left_by: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        end()

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(run, "wait", interrupt)
    with pytest.raises(left_by):
        run_tasks([_LONG], workers=1, done=lambda row: None)
    assert _nobody_is_left()
    assert signal.getsignal(signal.SIGTERM) == before
