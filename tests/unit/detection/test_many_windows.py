"""Windows in a row asked at once: which audits can be, and how the answer is taken apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.context import AuditContext, make_context
from recsysops.detection.many_windows import can_ask_together, render_together, split_answer
from recsysops.errors import BadInput
from recsysops.vocabulary import Window

_DAY = timedelta(days=1)
_START = datetime(2026, 3, 2, tzinfo=UTC)


def _context(day: int, *, reference: int = 0) -> AuditContext:
    window, before = (Window(_START + n * _DAY, _START + (n + 1) * _DAY) for n in (day, reference))
    return make_context(window=window, reference=before)


def test_each_window_becomes_a_period_and_all_of_them_are_read_once() -> None:
    sql = render_together(find_audit("empty_slates"), [_context(1), _context(2)])
    assert "WHEN event_time >= timestamp '2026-03-04 00:00:00.000' THEN 'window 1'" in sql
    assert sql.count("FROM slim_requests") == 1


@pytest.mark.parametrize("name", ["null_default_share", "launch_metadata", "served_model"])
def test_an_audit_that_names_its_window_is_asked_alone(name: str) -> None:
    assert not can_ask_together(find_audit(name))
    with pytest.raises(BadInput, match=name):
        render_together(find_audit(name), [_context(1)])


def test_an_audit_that_begins_to_name_its_window_is_noticed() -> None:
    audit = find_audit("empty_slates")
    assert can_ask_together(audit)
    assert not can_ask_together(replace(audit, tables=audit.tables + " {window_end}"))


@pytest.mark.parametrize(
    "contexts",
    [[], [_context(1), _context(3)], [_context(2), _context(3, reference=1)]],
    ids=["none", "a gap", "other references"],
)
def test_only_windows_in_a_row_with_one_reference_are_asked_together(
    contexts: list[AuditContext],
) -> None:
    with pytest.raises(BadInput):
        render_together(find_audit("empty_slates"), contexts)


def test_what_is_joined_to_the_reference_alone_can_be_asked_of_many_windows() -> None:
    audit = find_audit("member_concentration")
    assert audit.joins_periods
    assert can_ask_together(audit)


def test_an_answer_is_taken_apart_by_period() -> None:
    periods = ("edges", "reference", "window 0", "window 1", "window 1")
    rows = [{"period": period, "n": place} for place, period in enumerate(periods)]
    reference, windows = split_answer(rows, windows=3)
    assert reference == rows[:2]
    assert windows == [
        [{"period": "window", "n": 2}],
        [{"period": "window", "n": 3}, {"period": "window", "n": 4}],
        [],
    ]
