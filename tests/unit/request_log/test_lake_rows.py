from __future__ import annotations

from pathlib import Path

import pytest
from recsysops.errors import BadData
from recsysops.request_log.lake_rows import read_lake_row, select_columns
from recsysops.request_log.records import FullRequest, SlimRequest
from recsysops.request_log.schema import to_row

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import make_world


def test_full_records_come_back_from_sql_bit_for_bit(tmp_path: Path) -> None:
    world = make_world()
    world.recommend("r-1", "m1", context={"device": "tv, set"}, candidates=["i0001", "i0007"])
    world.recommend("r-2", "nobody")
    world.recommend("r-3", "m2", exclude=["i0009"])
    records = {record.request_id: record for record in world.full()}
    assert len(records) == 3
    queries = LakeQueries(
        tmp_path, {"full_requests": [to_row(r) for r in records.values()]}, dt="2026-03-02"
    )
    rows = queries.run(f"SELECT {select_columns(FullRequest, table='r')} FROM full_requests r")  # noqa: S608
    assert {str(row["request_id"]): read_lake_row(FullRequest, row) for row in rows} == records


def test_an_array_is_read_from_text_list_and_null() -> None:
    world = make_world()
    world.recommend()
    row = to_row(world.slim()[0])
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in row.items()
    }
    assert read_lake_row(SlimRequest, texts) == read_lake_row(SlimRequest, row) == world.slim()[0]
    assert read_lake_row(SlimRequest, {**row, "hotfix_ids": None}).hotfix_ids == []


def test_a_garbled_number_names_its_column() -> None:
    world = make_world()
    world.recommend()
    with pytest.raises(BadData, match="scores"):
        read_lake_row(SlimRequest, {**to_row(world.slim()[0]), "scores": "1.0,two"})
