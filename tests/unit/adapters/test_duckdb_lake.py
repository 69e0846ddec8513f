"""The in-process lake: what is written is read back typed, by the SQL that Athena runs."""

import gc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.errors import BadInput, DependencyError
from recsysops.request_log.job_records import ChoiceRank
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import decode_record, encode_record, to_row

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def event(number: int) -> FeedbackEvent:
    return FeedbackEvent(
        event_id=f"e-{number}",
        request_id="",
        event_time=NOW,
        member="p1",
        member_group=3,
        item_id="17",
        kind="play",
        value=1.0,
        traffic="simulated",
    )


def choice(rank: int | None) -> ChoiceRank:
    return ChoiceRank(
        request_id="r-1",
        event_time=NOW,
        surface="home",
        member="p1",
        member_group=3,
        item_id="17",
        model_id="m-1",
        delta_id="d-1",
        eligible=rank is not None,
        rank=rank,
        eligible_count=100,
        in_shortlist=False,
        inclusion_probability=0.25,
        traffic="simulated",
    )


def test_a_record_written_to_the_log_is_read_back_as_it_was() -> None:
    with DuckDbLake(clock=clock) as lake:
        lake.write("feedback", [encode_record(event(1))])
        [row] = lake.run("SELECT * FROM feedback")
    assert row.pop("dt") == "2026-01-02"
    assert decode_record(FeedbackEvent, row) == event(1)


def test_rows_written_later_are_seen_by_later_queries() -> None:
    with DuckDbLake(clock=clock) as lake:
        lake.append("feedback", [encode_record(event(1))])
        assert lake.run("SELECT count(*) AS n FROM feedback") == [{"n": 1}]
        lake.write("feedback", [encode_record(event(2)), encode_record(event(3))])
        assert lake.run("SELECT count(*) AS n FROM feedback") == [{"n": 3}]


def test_an_object_written_again_under_its_name_replaces_itself() -> None:
    with DuckDbLake(clock=clock) as lake:
        for ranks in ((1, 2), (None,)):
            rows = [to_row(choice(rank)) for rank in ranks]
            key = lake.write_rows("choice_ranks", rows=rows, ingest_time=NOW, name="w-1")
            lake.run("SELECT count(*) AS n FROM choice_ranks")
        assert key == "choice_ranks/dt=2026-01-02/w-1.json.gz"
        assert lake.run("SELECT rank FROM choice_ranks") == [{"rank": None}]


def test_a_folder_outlives_the_lake(tmp_path: Path) -> None:
    with DuckDbLake(tmp_path, clock=clock) as lake:
        lake.append("feedback", [encode_record(event(1))])
        lake.write_rows("choice_ranks", rows=[to_row(choice(1))], ingest_time=NOW, name="w")
    with DuckDbLake(tmp_path, clock=clock) as again:
        again.append("feedback", [encode_record(event(2))])
        counts = "SELECT (SELECT count(*) FROM feedback) AS f, count(*) AS c FROM choice_ranks"
        assert again.run(counts) == [{"f": 2, "c": 1}]


def test_a_temporary_lake_leaves_nothing_behind() -> None:
    lake = DuckDbLake(clock=clock)
    lake.append("feedback", [encode_record(event(1))])
    folder = lake.folder
    lake.close()
    assert not folder.exists()


def test_moments_are_compared_and_returned_in_utc() -> None:
    with DuckDbLake(clock=clock) as lake:
        lake.write("feedback", [encode_record(event(1))])
        rows = lake.run(
            "SELECT event_time AS t FROM feedback"
            " WHERE event_time >= timestamp '2026-01-02 03:04:05.678'"
        )
    assert rows == [{"t": NOW}]
    assert rows[0]["t"].utcoffset() == timedelta(0)  # type: ignore[attr-defined]


def test_tables_without_rows_have_their_declared_columns() -> None:
    with DuckDbLake(clock=clock) as lake:
        assert lake.run("SELECT delta_id, cardinality(genres) AS n FROM item_snapshots") == []


@pytest.mark.parametrize(
    "sql",
    ["SELECT nothing AS n FROM feedback", "SELECT 1 AS n FROM nowhere", "DROP TABLE feedback"],
)
def test_a_query_that_athena_would_refuse_fails_with_the_engines_message(sql: str) -> None:
    with DuckDbLake(clock=clock) as lake, pytest.raises(DependencyError, match="query failed"):
        lake.run(sql)


def test_a_line_that_does_not_fit_its_columns_fails_every_query() -> None:
    with DuckDbLake(clock=clock) as lake:
        lake.write("feedback", ['{"member_group": "three"}'])
        for _ in range(2):
            with pytest.raises(DependencyError, match="query failed"):
                lake.run("SELECT count(*) AS n FROM feedback")


def test_a_table_that_the_lake_lacks_is_refused() -> None:
    with DuckDbLake(clock=clock) as lake, pytest.raises(BadInput, match="no table 'ratings'"):
        lake.write_rows("ratings", rows=[], ingest_time=NOW, name="w")


def test_a_temporary_lake_that_nobody_closed_leaves_nothing_behind_either() -> None:
    lake = DuckDbLake(clock=clock)
    folder = lake.folder
    assert folder.exists()
    del lake
    gc.collect()
    assert not folder.exists()
