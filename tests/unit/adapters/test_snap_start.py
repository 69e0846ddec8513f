from __future__ import annotations

import random
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from recsysops.adapters.snap_start import register_hooks, renew_after_restore


def test_where_there_are_no_snapshots_nothing_is_registered() -> None:
    assert register_hooks(prepare=lambda: None, renewals=[lambda: None]) is False


def test_lambda_prepares_before_a_snapshot_and_renews_in_order_after_a_restore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hooks: list[Callable[[], object]] = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.__spec__ = sys.__spec__
    runtime.register_after_restore = lambda work, *given: hooks.append(lambda: work(*given))  # type: ignore[attr-defined]
    before: list[Callable[[], object]] = []
    runtime.register_before_snapshot = before.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    done: list[str] = []
    renewals = [lambda: done.append("close"), lambda: done.append("poll")]
    assert register_hooks(prepare=lambda: done.append("make"), renewals=renewals)
    assert done == []
    before[0]()
    assert done == ["make"]
    hooks[0]()
    assert done == ["make", "close", "poll"]


def test_copies_of_one_snapshot_draw_different_numbers() -> None:
    snapshot = random.getstate()
    drawn = []
    for _ in range(2):
        random.setstate(snapshot)
        renew_after_restore([])
        drawn.append(random.random())
    assert drawn[0] != drawn[1]
