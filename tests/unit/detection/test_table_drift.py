"""A table against a frozen profile: hand-computed shares, degenerate columns, known corruptions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.detection.table_drift import TableDrift, judge_table
from recsysops.detection.table_profile import (
    CategoryColumn,
    Column,
    NumberColumn,
    TableProfile,
    as_kind,
    compare_with_profile,
    deal_groups,
    profile_table,
)
from recsysops.errors import BadInput, CouldNotJudge

ROWS = 4_000


def numbers(seed: int = 0, rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(size=rows)


def words(shares: dict[str, float], rows: int = ROWS) -> CategoryColumn:
    counts = [round(share * rows) for share in shares.values()]
    codes = np.repeat(np.arange(len(counts)), counts)
    return CategoryColumn(np.random.default_rng(0).permutation(codes), tuple(shares))


def judge(before: dict[str, Column], now: dict[str, Column]) -> TableDrift:
    return judge_table(
        profile_table(before, groups=deal_groups(rows_of(before))),
        now,
        groups=deal_groups(rows_of(now)),
    )


def rows_of(columns: dict[str, Column]) -> int:
    first = next(iter(columns.values()))
    return len(first.values if isinstance(first, NumberColumn) else first.codes)


def alarms(drift: TableDrift) -> set[tuple[str, str]]:
    return {(check.metric, check.subject) for check in drift.alarms}


def test_bins_are_quantiles_of_the_reference_and_hold_every_row_of_the_later_table() -> None:
    values = np.arange(100, dtype=np.float64)
    profile = profile_table({"n": NumberColumn(values)}, groups=deal_groups(100))
    [found] = compare_with_profile(
        profile, {"n": NumberColumn(values + 50)}, groups=deal_groups(100)
    )
    bins = found.cells.only(*map(str, range(20)))
    assert bins.reference.weights.tolist() == [5.0] * 20
    # 50..94 fall into the upper bins as before, 95 and all above into the last one
    assert bins.window.weights.tolist() == [0.0] * 10 + [5.0] * 9 + [55.0]


@given(st.integers(0, 10_000))
def test_every_row_is_counted_once_whatever_the_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = np.array([0.0, 1.0, 1.0, np.nan, np.inf, -np.inf, rng.normal(), rng.normal()])
    before, now = (NumberColumn(rng.choice(pool, size)) for size in (64, 96))
    profile = profile_table({"n": before}, groups=deal_groups(64))
    [found] = compare_with_profile(profile, {"n": now}, groups=deal_groups(96))
    assert found.repeated is not None
    for part in (found.cells, found.repeated):
        assert (part.reference.weights.sum(), part.window.weights.sum()) == (64, 96)


@pytest.mark.parametrize(
    ("name", "corrupt", "expected"),
    [
        ("zero-filled", lambda x, hit: np.where(hit, 0.0, x), ("zero_share", "price")),
        ("divided by 100", lambda x, hit: np.where(hit, x / 100, x), ("distribution_ks", "price")),
        ("median-filled", lambda x, hit: np.where(hit, np.median(x), x), ("spike_share", "price")),
        ("nulled", lambda x, hit: np.where(hit, np.nan, x), ("null_share", "price")),
        ("infinite", lambda x, hit: np.where(hit, np.inf, x), ("infinite_share", "price")),
    ],
)
def test_a_tenth_of_a_column_corrupted_is_named(name, corrupt, expected) -> None:
    before = {"price": NumberColumn(numbers()), "year": NumberColumn(numbers(1))}
    hit = np.random.default_rng(9).random(ROWS) < 0.1
    now = {"price": NumberColumn(corrupt(numbers(2), hit)), "year": NumberColumn(numbers(3))}
    found = judge(before, now)
    assert expected in alarms(found)
    assert {subject for _, subject in alarms(found)} == {"price"}


def test_a_fiftieth_of_a_sigma_is_no_alarm_however_many_rows() -> None:
    values = numbers(0, 60_000)
    found = judge(
        {"price": NumberColumn(values)},
        {"price": NumberColumn(numbers(1, 60_000) + 0.02 * values.std())},
    )
    assert found.is_quiet


def test_categories_gone_and_never_seen_are_named() -> None:
    before = {"language": words({"en": 0.7, "fr": 0.2, "hi": 0.1})}
    now = {"language": words({"en": 0.7, "fr": 0.2, "xx": 0.1})}
    found = judge(before, now)
    gone = {(c.metric, c.slice.get("language")) for c in found.alarms}
    assert {("category_vanished", "hi"), ("category_unseen", "unseen")} <= gone


def test_columns_missing_new_or_of_another_type_are_schema_changes() -> None:
    before = {"a": NumberColumn(numbers()), "b": NumberColumn(numbers())}
    now: dict[str, Column] = {"b": words({"x": 1.0}), "c": NumberColumn(numbers())}
    found = judge(before, now)
    assert {(change.column, change.trouble) for change in found.schema} == {
        ("a", "column_missing"),
        ("b", "type_changed"),
        ("c", "column_new"),
    }
    assert not found.is_quiet


def test_a_column_without_a_value_is_not_judged_and_not_passed() -> None:
    empty = {"price": NumberColumn(np.full(ROWS, np.nan))}
    found = judge(empty, {"price": NumberColumn(numbers())})
    assert found.unjudged == {"price": "no value in the reference"}
    assert not judge(empty, empty).is_quiet


def test_nothing_at_all_is_of_the_kind_that_the_reference_had() -> None:
    blank = CategoryColumn(np.full(ROWS, -1), ()), NumberColumn(np.full(ROWS, np.nan))
    full = NumberColumn(numbers()), words({"x": 0.5, "y": 0.5})
    for before, now in zip(full, blank, strict=True):
        found = judge({"a": before}, {"a": now})
        assert found.schema == ()
        assert ("null_share", "a") in alarms(found)
    for other in full:
        assert as_kind(other, "number") is as_kind(other, "category") is other


def test_one_row_is_refused_with_the_reason() -> None:
    one = {"price": NumberColumn(np.ones(1))}
    with pytest.raises(CouldNotJudge, match="the table's 1 rows are fewer than 30"):
        judge({"price": NumberColumn(numbers())}, one)


def test_a_constant_column_that_stays_constant_is_quiet() -> None:
    same = {"price": NumberColumn(np.ones(ROWS))}
    assert judge(same, same).is_quiet


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(BadInput, match="'a' has 3 rows, the table 4"):
        profile_table({"a": NumberColumn(np.ones(3))}, groups=deal_groups(4))


def test_a_profile_survives_json_and_judges_the_same() -> None:
    columns = {"price": NumberColumn(numbers()), "language": words({"en": 0.6, "fr": 0.4})}
    profile = profile_table(columns, groups=deal_groups(ROWS))
    again = TableProfile.model_validate_json(profile.model_dump_json())
    now = {"price": NumberColumn(numbers(5) * 2), "language": words({"en": 0.4, "fr": 0.6})}
    groups = deal_groups(ROWS)
    assert judge_table(again, now, groups=groups) == judge_table(profile, now, groups=groups)


def test_rows_that_go_together_do_not_fake_significance() -> None:
    """40 members of 100 rows each, every row of a member the same: nothing changed but the draw."""
    rng = np.random.default_rng(4)
    loud = 0
    for _ in range(40):
        sides = []
        for _side in range(2):
            member = np.repeat(np.arange(40), 100)
            sides.append(
                (NumberColumn(rng.normal(size=40)[member]), rng.permutation(40)[member] % 32)
            )
        profile = profile_table({"x": sides[0][0]}, groups=sides[0][1])
        found = judge_table(profile, {"x": sides[1][0]}, groups=sides[1][1])
        loud += any(check.metric == "distribution_ks" for check in found.alarms)
    assert loud <= 2
