from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from recsysops.errors import BadData
from recsysops.request_log.job_records import ChoiceRank, ItemSnapshotRow
from recsysops.request_log.moments import sql_timestamp
from recsysops.request_log.records import (
    FeedbackEvent,
    FullRequest,
    RequestRecord,
    ShadowRequest,
    SlimRequest,
)
from recsysops.request_log.schema import (
    decode_record,
    describe_columns,
    encode_record,
    glue_columns,
    to_row,
    validate_columns,
)
from recsysops.request_log.tables import TABLES

from tests.fakes.served_world import make_world

GOLDEN = Path(__file__).parents[2] / "golden"
KNOWN_TYPES = {
    "string",
    "bigint",
    "double",
    "boolean",
    "timestamp",
    "array<string>",
    "array<double>",
}
moments = st.integers(0, 2**42).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)


def make_event(**changes: object) -> FeedbackEvent:
    plain: dict[str, object] = {
        "event_id": "e-1",
        "request_id": "r-1",
        "event_time": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "member": "ab12",
        "member_group": 3,
        "item_id": "i1",
        "kind": "play",
        "value": 1.0,
        "traffic": "live",
    }
    return FeedbackEvent.model_validate({**plain, **changes})


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_glue_type_and_a_meaning(table: str) -> None:
    record = TABLES[table]
    assert {kind for _, kind in glue_columns(record)} <= KNOWN_TYPES
    assert all(field.description for field in record.model_fields.values())
    assert len(describe_columns(record).splitlines()) == 2 + len(glue_columns(record))


def test_the_columns_are_those_of_the_golden_file_in_its_order_and_new_ones_come_last() -> None:
    """Glue, Athena's SELECT * and old readers count on names, order, types and meanings."""
    golden = json.loads((GOLDEN / "columns_v2.json").read_text())
    for table, columns in golden.items():
        fields = TABLES[table].model_fields
        present = [
            [name, kind, fields[name].description] for name, kind in glue_columns(TABLES[table])
        ]
        assert present[: len(columns)] == columns
        assert all(fields[name].default is None for name, *_ in present[len(columns) :])


def test_records_of_requests_share_their_first_columns() -> None:
    first = [name for name, _ in glue_columns(RequestRecord)]
    for record in (SlimRequest, FullRequest, ShadowRequest, ChoiceRank):
        assert issubclass(record, RequestRecord)
        assert [name for name, _ in glue_columns(record)][: len(first)] == first


def test_a_small_declaration_gives_the_columns_worked_out_by_hand() -> None:
    assert glue_columns(FeedbackEvent)[:5] == [
        ("schema_version", "bigint"),
        ("event_id", "string"),
        ("request_id", "string"),
        ("event_time", "timestamp"),
        ("member", "string"),
    ]
    assert dict(glue_columns(ItemSnapshotRow))["year"] == "bigint"
    assert dict(glue_columns(SlimRequest))["scores"] == "array<double>"


@given(moments, st.floats(allow_nan=False, allow_infinity=False))
def test_a_line_reads_back_as_the_record_it_was(moment: datetime, value: float) -> None:
    event = make_event(event_time=moment, value=value)
    assert decode_record(FeedbackEvent, json.loads(encode_record(event))) == event


def test_times_of_query_engines_are_read_with_and_without_zone() -> None:
    row = to_row(make_event())
    naive = {**row, "event_time": make_event().event_time.replace(tzinfo=None)}
    assert decode_record(FeedbackEvent, naive) == make_event()
    assert decode_record(FeedbackEvent, row) == make_event()


def test_a_title_that_looks_like_a_time_stays_a_title() -> None:
    title = "Semi-Tough: a film, 1977"
    row = {
        **dict.fromkeys(ItemSnapshotRow.model_fields),
        "schema_version": 1, "delta_id": "d", "as_of": "2026-01-02 00:00:00.000", "model_id": "m",
        "item_id": "i", "item_group": 1, "title": title[:4] + "-" + title[5:10] + " " + title[11:],
        "genres": [], "source": "s", "batch": "b", "version": 1, "changed": False,
        "log_popularity": 0.0, "simulated": [],
    }  # fmt: skip
    assert decode_record(ItemSnapshotRow, row).title == row["title"]


def test_columns_of_newer_writers_are_ignored() -> None:
    row = {**to_row(make_event()), "invented_later": 7}
    assert decode_record(FeedbackEvent, row) == make_event()


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "sneeze"), ("value", "much"), ("event_time", "yesterday"), ("member_group", None)],
)
def test_a_garbled_column_is_named_in_one_line(column: str, value: object) -> None:
    with pytest.raises(BadData, match=f"FeedbackEvent.{column}") as caught:
        decode_record(FeedbackEvent, {**to_row(make_event()), column: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_number_that_is_none_reaches_the_lake(value: float) -> None:
    with pytest.raises(BadData, match="value"):
        encode_record(make_event(value=value))


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_nor_does_one_hidden_in_a_list(value: float) -> None:
    world = make_world(60)
    world.recommend()
    scored = world.slim()[0].model_copy(update={"scores": [1.0, value]})
    with pytest.raises(BadData, match="scores"):
        encode_record(scored)


def test_numbers_too_large_to_be_summed_are_numbers_all_the_same() -> None:
    world = make_world(60)
    world.recommend()
    scored = world.slim()[0].model_copy(update={"scores": [1.7e308, 1.7e308]})
    assert json.loads(encode_record(scored))["scores"] == [1.7e308, 1.7e308]


def test_columns_are_checked_like_keywords() -> None:
    columns = dict(make_event())
    assert validate_columns(FeedbackEvent, columns) == make_event()
    with pytest.raises(ValidationError, match="kind"):
        validate_columns(FeedbackEvent, {**columns, "kind": "sneeze"})
    with pytest.raises(ValidationError, match="another"):
        validate_columns(FeedbackEvent, {**columns, "another": 1})


def test_a_line_is_ascii_so_that_no_reader_splits_it_elsewhere() -> None:
    line = encode_record(make_event(item_id="caf\u00e9\u2028"))
    assert line.isascii()
    assert json.loads(line)["item_id"] == "caf\u00e9\u2028"


def test_a_film_called_infinity_is_a_title() -> None:
    assert "Infinity" in encode_record(make_event(item_id="Infinity-NaN"))


def test_literals_are_in_utc() -> None:
    east = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=3)))
    assert sql_timestamp(east) == "2026-01-02 00:00:00.000"


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))])))
def test_a_literal_is_the_iso_text_without_its_zone(moment: datetime) -> None:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # the first or the last day there is, beyond UTC's
        return
    assert sql_timestamp(moment) == utc.isoformat(sep=" ", timespec="milliseconds")[:23]
