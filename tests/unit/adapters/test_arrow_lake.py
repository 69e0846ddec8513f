"""The lake of Arrow parts: what it consists of, and what it remembers."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from recsysops.adapters.arrow_lake import ArrowLake
from recsysops.errors import BadInput, DependencyError

_COUNT = "SELECT count(*) AS n FROM feedback WHERE dt >= '2026-01-01'"


def _feedback(*event_ids: str) -> pa.Table:
    return pa.table({"event_id": list(event_ids), "dt": ["2026-01-02"] * len(event_ids)})


def test_the_lake_consists_of_the_parts_it_is_composed_of() -> None:
    lake = ArrowLake()
    lake.put("feedback", "1", _feedback("a", "b"))
    lake.put("feedback", "2", _feedback("c"))
    answers = []
    for parts in ([], ["1"], ["1", "2"]):
        lake.compose({"feedback": parts})
        answers.append(lake.run(_COUNT)[0]["n"])
    assert answers == [0, 2, 3]


def test_columns_that_nobody_wrote_are_null() -> None:
    lake = ArrowLake()
    lake.put("feedback", "1", _feedback("a"))
    lake.compose({"feedback": ["1"]})
    assert lake.run("SELECT event_id, item_id FROM feedback") == [
        {"event_id": "a", "item_id": None}
    ]


def test_a_part_has_the_declared_types_whoever_wrote_it_first() -> None:
    lake = ArrowLake()
    rows = pa.table({"member_group": pa.array([3], pa.int32()), "event_id": ["a"]})
    lake.put("feedback", "1", rows)
    lake.put("feedback", "1", _feedback("b"))
    lake.compose({"feedback": ["1"]})
    kinds = lake.run("SELECT typeof(member_group) AS of, typeof(event_time) AS at FROM feedback")
    assert {tuple(row.values()) for row in kinds} == {("BIGINT", "TIMESTAMP")}


def test_an_answer_is_remembered_only_as_long_as_its_tables_are_the_same() -> None:
    lake = ArrowLake()
    lake.put("feedback", "1", _feedback("a"))
    lake.compose({"feedback": ["1"]})
    first = lake.run(_COUNT)
    lake.put("choice_ranks", "1", pa.table({"item_id": ["i"], "dt": ["2026-01-02"]}))
    lake.compose({"choice_ranks": ["1"]})
    assert lake.run(_COUNT) == first
    lake.put("feedback", "2", _feedback("b"))
    lake.compose({"feedback": ["1", "2"]})
    assert lake.run(_COUNT) == [{"n": 2}]


def test_other_days_and_moments_are_filled_into_a_remembered_translation() -> None:
    lake = ArrowLake()
    asked = "SELECT '2026-01-{0}' AS d, timestamp '2026-01-{0} 10:00:00.000' AS at"
    days = [lake.run(asked.format(day))[0] for day in ("03", "04", "01")]
    assert [(row["d"], f"{row['at']:%d %H}") for row in days] == [
        ("2026-01-03", "03 10"),
        ("2026-01-04", "04 10"),
        ("2026-01-01", "01 10"),
    ]


def test_as_many_moments_and_days_as_a_query_likes_are_told_apart() -> None:
    days = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(120)]
    columns = ", ".join(
        f"'{day:%Y-%m-%d}' AS d{n}, timestamp '{day:%Y-%m-%d} 10:00:00.000' AS t{n}"
        for n, day in enumerate(days)
    )
    [row] = ArrowLake().run(f"SELECT {columns}")
    assert [row[f"d{n}"] for n in range(120)] == [f"{day:%Y-%m-%d}" for day in days]
    assert [row[f"t{n}"] for n in range(120)] == [day + timedelta(hours=10) for day in days]


def test_lakes_of_one_process_answer_the_same_question_from_their_own_rows() -> None:
    asked = "SELECT count(*) AS n FROM feedback WHERE dt >= '2026-{0}-01' AND dt < '2026-{0}-28'"
    answers = []
    for events in ("a", "bc"):
        lake = ArrowLake()
        lake.put("feedback", "1", _feedback(*events))
        lake.compose({"feedback": ["1"]})
        answers += [lake.run(asked.format(month))[0]["n"] for month in ("01", "02")]
        lake.close()
    assert answers == [1, 0, 2, 0]


def test_moments_are_in_utc_and_decimals_are_numbers() -> None:
    (row,) = ArrowLake().run(
        "SELECT timestamp '2026-01-03 10:00:00' AS at, CAST('1.5' AS decimal(4, 1)) AS of,"
        " CAST(NULL AS decimal(4, 1)) AS none"
    )
    assert row == {"at": datetime(2026, 1, 3, 10, tzinfo=UTC), "of": 1.5, "none": None}
    assert isinstance(row["of"], float)


def test_rows_added_to_a_part_are_seen_by_the_next_query() -> None:
    lake = ArrowLake()
    lake.put("feedback", "1", _feedback("a"))
    lake.compose({"feedback": ["1"]})
    assert lake.run(_COUNT) == [{"n": 1}]
    lake.put("feedback", "1", _feedback("b"))
    assert lake.run(_COUNT) == [{"n": 2}]


def test_a_table_that_the_lake_lacks_is_refused() -> None:
    with pytest.raises(BadInput, match="no table"):
        ArrowLake().put("secrets", "1", _feedback("b"))


def test_a_dropped_part_may_be_written_anew() -> None:
    lake = ArrowLake()
    lake.put("feedback", "1", _feedback("a"))
    lake.drop("1")
    lake.put("feedback", "1", _feedback("b", "c"))
    lake.compose({"feedback": ["1"]})
    assert lake.run(_COUNT) == [{"n": 2}]


def test_sql_that_cannot_be_answered_is_told_as_a_failed_query() -> None:
    with pytest.raises(DependencyError, match="query failed"):
        ArrowLake().run("SELECT nothing FROM nowhere")


def test_an_answer_is_reused_when_only_columns_changed_that_the_query_does_not_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = ArrowLake()
    for part, kind in (("quiet", "play"), ("faulty", "click")):
        rows = _feedback("a", "b").append_column("kind", pa.array([kind] * 2))
        lake.put("feedback", part, rows)
    lake.compose({"feedback": ["quiet"]})
    ids, kinds = "SELECT event_id FROM feedback", "SELECT DISTINCT kind FROM feedback"
    before = lake.run(ids), lake.run(kinds)
    lake.compose({"feedback": ["faulty"]})
    assert lake.run(kinds) == [{"kind": "click"}] != before[1]
    monkeypatch.setattr(lake, "_ask", None)  # whoever asks again fails
    assert lake.run(ids) == before[0]


def test_a_star_names_every_column() -> None:
    lake = ArrowLake()
    for part in ("1", "2"):
        lake.put("feedback", part, _feedback(part))
    answers = []
    for part in ("1", "2"):
        lake.compose({"feedback": [part]})
        answers.append(lake.run("SELECT * FROM feedback")[0]["event_id"])
    assert answers == ["1", "2"]


def test_a_lake_knows_what_it_was_asked_over_the_same_rows() -> None:
    lake = ArrowLake()
    lake.put("feedback", "1", _feedback("a"))
    assert not lake.knows(_COUNT)
    lake.run(_COUNT)
    assert lake.knows(_COUNT)
    lake.compose({"feedback": ["1"]})
    assert not lake.knows(_COUNT)
    lake.learn(_COUNT, [{"n": 1}])
    assert lake.run(_COUNT) == [{"n": 1}]
