"""Knows how records are read back through SQL: a select list and the rows it gives.

Arrays travel as text joined by commas: Athena prints an array without its element type, and ids
hold no comma. Doubles survive, both engines print them so that they read back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from recsysops.errors import BadData
from recsysops.request_log.records import LogRecord
from recsysops.request_log.schema import decode_record, glue_columns

RecordT = TypeVar("RecordT", bound=LogRecord)


def select_columns(record: type[LogRecord], *, table: str) -> str:
    """Return the select list that reads a record's columns of a table, every one aliased.

    >>> from recsysops.request_log.records import ItemSnapshotRow
    >>> select_columns(ItemSnapshotRow, table="s").split(", ")[4]
    's.item_id AS item_id'
    """
    return ", ".join(_select(name, kind, table) for name, kind in glue_columns(record))


def read_lake_row(record: type[RecordT], row: Mapping[str, object]) -> RecordT:
    """Read one row of `select_columns` back.

    Raises: BadData naming the column that does not fit.
    """
    parsed = {
        name: _read_array(name, row.get(name), kind) if kind.startswith("array") else row.get(name)
        for name, kind in glue_columns(record)
    }
    return decode_record(record, parsed)


def _select(name: str, kind: str, table: str) -> str:
    column = f"{table}.{name}"
    return (
        f"array_join({column}, ',') AS {name}"
        if kind.startswith("array")
        else (f"{column} AS {name}")
    )


def _read_array(name: str, value: object, kind: str) -> list[object]:
    # writers of Parquet may store an empty array as null
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return value
    parts = str(value).split(",")
    if kind != "array<double>":
        return list(parts)
    try:
        return [float(part) for part in parts]
    except ValueError as error:
        raise BadData(f"{name}: {error}") from error
