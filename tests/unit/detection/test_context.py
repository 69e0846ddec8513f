"""What a run is asked to judge, and what it refuses to."""

from datetime import UTC, datetime, timedelta

import pytest
from recsysops.detection.context import AuditContext, make_context, plan_context, read_context
from recsysops.errors import BadInput
from recsysops.vocabulary import Window

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=UTC)


def test_an_empty_request_means_the_last_24_full_hours_against_the_24_before() -> None:
    planned = plan_context({"run_id": "x", "started_at": "ignored"}, now=NOW)
    assert planned.window == Window(
        datetime(2026, 3, 2, 12, tzinfo=UTC), NOW.replace(minute=0, second=0)
    )
    assert planned.reference.end == planned.window.start
    assert planned.every_hours == 1.0


def test_a_window_alone_is_compared_with_the_stretch_just_before_it() -> None:
    planned = plan_context(
        {"window_start": "2026-03-02T00:00:00+00:00", "window_end": "2026-03-02T06:00:00+00:00"},
        now=NOW,
    )
    assert planned.reference.start == datetime(2026, 3, 1, 18, tzinfo=UTC)
    assert planned.every_hours == 6.0


def test_a_context_survives_the_way_through_json() -> None:
    made = make_context(
        window=Window(NOW, NOW + timedelta(hours=3)),
        reference=Window(NOW - timedelta(days=2), NOW - timedelta(days=1)),
        approved_models=("m-1",),
        run_id="run-7",
        revision=1,
    )
    assert read_context(made.model_dump(mode="json")) == made
    assert AuditContext.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"window_start": "2026-03-02T00:00:00+00:00"}, "window_end"),
        ({"window_start": "yesterday", "window_end": "today"}, "must be moments"),
        (
            {
                "window_start": "2026-03-02T00:00:00+00:00",
                "window_end": "2026-03-01T00:00:00+00:00",
            },
            "neither may be empty",
        ),
        (
            {"window_start": "2026-03-02T00:00:00", "window_end": "2026-03-03T00:00:00"},
            "timezone",
        ),
    ],
)
def test_a_window_that_is_none_is_refused_in_one_line(document: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        plan_context(document, now=NOW)
    assert "\n" not in str(refused.value)


def test_a_reference_inside_the_window_is_refused() -> None:
    day = Window(NOW, NOW + timedelta(days=1))
    with pytest.raises(BadInput, match="must end before"):
        make_context(window=day, reference=day)
