"""A judgement tells the very question that was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from recsysops.detection.catalogue import find_audit
from recsysops.detection.context import make_context
from recsysops.vocabulary import Window
from recsysops.workflows.judge_audit import judge_audit

_DAY = timedelta(days=1)
_START = datetime(2026, 3, 2, tzinfo=UTC)
CONTEXT = make_context(
    window=Window(_START, _START + _DAY), reference=Window(_START - _DAY, _START)
)


def test_the_question_is_told_as_it_was_asked_and_rendered_where_nobody_has_it() -> None:
    flags = find_audit("flags")
    asked = judge_audit(flags, context=CONTEXT, fetch_rows=list, sql="SELECT 1")
    rendered = judge_audit(flags, context=CONTEXT, fetch_rows=list)
    assert asked.sql == "SELECT 1"
    assert rendered.sql == flags.render(CONTEXT)
