"""The one renderer: typed values become literals, and nothing else reaches the SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import BadInput
from recsysops.request_log.sql import Declared, SqlValue, render_sql


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("m-1", "'m-1'"),
        (date(2026, 1, 2), "'2026-01-02'"),
        (
            datetime.fromisoformat("2026-01-02T00:30:00.25+02:00"),
            "timestamp '2026-01-01 22:30:00.250'",
        ),
        (7, "7"),
        (0.1, "0.1"),
        (np.float64(0.1), "0.1"),
        (Declared("a AS b"), "a AS b"),
    ],
)
def test_a_value_becomes_the_literal_of_its_type(value: SqlValue, literal: str) -> None:
    assert render_sql("{x}", x=value) == literal


@pytest.mark.parametrize(
    "value", ["", "a'b", "a b", "a\n", "{y}", "x" * 65, float("nan"), float("inf"),
              datetime(2026, 1, 2)],  # noqa: DTZ001 - the zone is what is missing
)  # fmt: skip
def test_what_is_no_safe_literal_is_refused_by_name(value: SqlValue) -> None:
    with pytest.raises(BadInput, match="x:"):
        render_sql("SELECT {x}", x=value)


@given(st.text())
def test_text_either_is_refused_or_stays_inside_its_quotes(text: str) -> None:
    try:
        rendered = render_sql("{x}", x=text)
    except BadInput:
        return
    assert rendered == f"'{text}'"
    assert not set("'\"\\;\n ") & set(text)


@pytest.mark.parametrize("values", [{}, {"x": 1, "y": 2}, {"y": 2}])
def test_placeholders_and_values_must_be_the_same_names(values: dict[str, SqlValue]) -> None:
    with pytest.raises(BadInput, match=r"SQL needs \['x'\]"):
        render_sql("SELECT {x}", **values)


def test_a_value_is_never_read_as_a_template() -> None:
    assert render_sql("{x} {y}", x=Declared("{y}"), y=datetime(1970, 1, 1, tzinfo=UTC)) == (
        "{y} timestamp '1970-01-01 00:00:00.000'"
    )
