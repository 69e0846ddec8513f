"""Windows asked at once, and what happens when that fails."""

from datetime import UTC, datetime, timedelta

import pytest
from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.cli.gameday.week_answers import ask_together
from recsysops.detection.catalogue import find_audit
from recsysops.detection.context import make_context
from recsysops.errors import DependencyError
from recsysops.vocabulary import Window
from recsysops.workflows.plan_audits import PlannedAudit

_HOUR = timedelta(hours=1)
_START = datetime(2026, 3, 2, tzinfo=UTC)


def _planned(name: str, hours: int) -> list[PlannedAudit]:
    audit, planned = find_audit(name), []
    for hour in range(hours):
        window = Window(_START + hour * _HOUR, _START + (hour + 1) * _HOUR)
        context = make_context(window=window, reference=Window(_START - 24 * _HOUR, _START))
        alone = context.model_copy(update={"asked": "window"})
        planned.append(PlannedAudit(audit, audit.render(alone), alone))
    return planned


def test_windows_that_were_asked_at_once_are_known_and_cumulative_ones_are_left_alone() -> None:
    lake = ArrowLake()
    hours, everything_so_far = _planned("flags", 3), _planned("release_watch", 2)
    ask_together(lake, [*hours, *everything_so_far])
    assert all(lake.knows(one.sql) for one in hours)
    assert not any(lake.knows(one.sql) for one in everything_so_far)


def test_what_fails_together_is_left_to_be_asked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lake, asked = ArrowLake(), []

    def fail(sql: str) -> list[dict[str, object]]:
        asked.append(sql)
        raise DependencyError("query failed: out of memory")

    monkeypatch.setattr(lake, "run", fail)
    hours = _planned("flags", 3)
    ask_together(lake, hours)
    assert len(asked) == 1
    assert not any(lake.knows(one.sql) for one in hours)
