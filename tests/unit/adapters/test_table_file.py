"""Table files read into columns: types, missing values, clusters, and files that are none."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recsysops.adapters.table_file import columns_of, groups_of, read_table_file
from recsysops.detection.table_profile import CategoryColumn, NumberColumn
from recsysops.errors import BadData, BadInput
from recsysops.vocabulary import hash_group


def test_each_type_becomes_numbers_or_categories_with_its_missing_values() -> None:
    table = pa.table(
        {
            "count": [1, None, 3],
            "when": [datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC), None, None],
            "words": [["a", "b"], [], None],
            "flag": [True, False, None],
            "name": pa.array(["x", "y", None]).dictionary_encode(),
            "nested": [{"a": 1}, {"a": 2}, None],
        }
    )
    found = columns_of(table)
    for name, values in {
        "count": [1, np.nan, 3],
        "when": [5, np.nan, np.nan],
        "words": [2, 0, np.nan],
    }.items():
        column = found[name]
        assert isinstance(column, NumberColumn)
        np.testing.assert_array_equal(column.values, values)
    for name, labels in {"flag": ("true", "false"), "name": ("x", "y")}.items():
        column = found[name]
        assert isinstance(column, CategoryColumn)
        assert (column.codes.tolist(), column.labels) == ([0, 1, -1], labels)
    assert isinstance(found["nested"], CategoryColumn)


def test_parquet_csv_and_compressed_json_lines_read_alike(tmp_path: Path) -> None:
    table = pa.table({"n": [1.5, 2.5], "word": ["a", "b"]})
    pq.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("n,word\n1.5,a\n2.5,b\n")
    with gzip.open(tmp_path / "t.jsonl.gz", "wt") as file:
        file.write('{"n": 1.5, "word": "a"}\n{"n": 2.5, "word": "b"}\n')
    for name in ("t.parquet", "t.csv", "t.jsonl.gz"):
        assert read_table_file(tmp_path / name).to_pydict() == table.to_pydict()


def test_rows_of_one_cluster_share_the_group_of_their_value() -> None:
    table = pa.table({"member": [7, 8, 7, None]})
    seven, eight = hash_group("7"), hash_group("8")
    assert groups_of(table, cluster="member").tolist() == [seven, eight, seven, 0]


def test_a_cluster_that_is_no_column_is_refused() -> None:
    with pytest.raises(BadInput, match="no column 'user'"):
        groups_of(pa.table({"member": [1]}), cluster="user")


def test_files_that_are_no_tables_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends in one of \.parquet"):
        read_table_file(tmp_path / "notes.md")
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    for name in ("bad.parquet", "absent.csv"):
        with pytest.raises(BadData) as refused:
            read_table_file(tmp_path / name)
        assert "\n" not in str(refused.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    with pytest.raises(BadData, match="several columns named 'a'"):
        read_table_file(tmp_path / "twice.csv")
