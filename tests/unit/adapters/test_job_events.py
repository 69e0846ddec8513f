"""What batch functions are called with is read strictly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from recsysops.adapters.job_events import JudgeTask, read_moment, read_task
from recsysops.errors import BadInput

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "moment"),
    [
        ({}, NOW),
        ({"as_of": None}, NOW),
        ({"as_of": "2026-03-01T10:00:00.5Z"}, datetime(2026, 3, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ({"as_of": "2026-03-01T10:00:00+05:30"}, datetime(2026, 3, 1, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc_or_defaults(event: dict[str, object], moment: datetime) -> None:
    assert read_moment(event, "as_of", default=NOW) == moment


@pytest.mark.parametrize("text", ["2026-03-01T10:00:00", "2026-03-01", "now", 3, "", []])
def test_what_is_no_moment_with_a_zone_is_refused_by_name(text: object) -> None:
    with pytest.raises(BadInput, match="as_of"):
        read_moment({"as_of": text}, "as_of", default=NOW)


def test_a_task_is_refused_with_the_path_of_its_first_problem() -> None:
    event = {"audit": "volume", "query_execution_id": 3, "window": {}}
    with pytest.raises(BadInput, match="query_execution_id: Input should be a valid string"):
        read_task(JudgeTask, event)
