from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.prices import price_a_million
from tests.benchmarks.rows import Row, write_rows
from tests.benchmarks.timing import Timings, join_rounds


@pytest.mark.parametrize(
    ("row", "ok"),
    [
        (Row("a", 1.2, "ms", limit=1.2), True),
        (Row("a", 1.3, "ms", limit=1.2), False),
        (Row("a", 5.0, "×", at_least=5.0), True),
        (Row("a", 4.9, "×", at_least=5.0), False),
        (Row("a", 7.0, "ms"), None),
    ],
)
def test_a_row_says_whether_it_keeps_its_limit(row: Row, ok: bool | None, tmp_path: Path) -> None:
    assert row.ok is ok
    write_rows([row], tmp_path / "rows.json")
    [written] = json.loads((tmp_path / "rows.json").read_text())
    assert {"name", "value", "unit", "limit", "ok"} <= set(written)
    assert (written["value"], written["ok"]) == (row.value, ok)


def test_what_was_not_measured_is_null_in_the_file(tmp_path: Path) -> None:
    write_rows([Row("skipped", float("nan"), "")], tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text())[0]["value"] is None


def test_a_million_requests_of_ten_milliseconds_cost_what_the_price_list_says() -> None:
    dollars = {row.name: row.value for row in price_a_million(handler_ms=9, after_ms=1, log_kb=4)}
    parts = [value for name, value in dollars.items() if name.startswith("$ per million:")][:5]
    # 10 ms × 1.7275 GB × $0.0000133334 × 1e6 = $0.2303; half a read unit $0.0625; 5 KB $0.138
    assert parts == pytest.approx([1.0, 0.2, 0.2303, 0.0625, 0.1383], rel=1e-3)
    assert dollars["$ per million requests"] == pytest.approx(sum(parts))


def test_the_best_round_is_the_fastest_and_a_median_of_rounds_is_over_all_of_them() -> None:
    first = Timings(np.array([3.0, 1.0]), np.array([0.3, 0.1]))
    second = Timings(np.array([9.0, 2.0, 8.0]), np.array([0.9, 0.2, 0.8]))
    joined = join_rounds([first, second])
    assert (first.best, joined.best, joined.median) == (1.0, 1.0, 3.0)
    assert joined.cpu.tolist() == [0.3, 0.1, 0.9, 0.2, 0.8]
