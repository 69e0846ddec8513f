"""From one record declaration: Glue columns, the JSON line codec, the documentation."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from recsysops.errors import BadData
from recsysops.request_log.moments import sql_timestamp
from recsysops.request_log.records import LogRecord

RecordT = TypeVar("RecordT", bound=LogRecord)

_GLUE_TYPES: dict[Any, str] = {
    str: "string",
    int: "bigint",
    float: "double",
    bool: "boolean",
    datetime: "timestamp",
}
_FRACTIONS = ("double", "array<double>")
"""Glue types that could hold NaN or infinity."""


def glue_columns(record: type[LogRecord]) -> list[tuple[str, str]]:
    """Return (name, Glue type) per field, in declaration order."""
    return [(name, _glue_type(field.annotation)) for name, field in record.model_fields.items()]


def list_columns(record: type[LogRecord]) -> list[dict[str, str]]:
    """Return {column, type, meaning} per field, in declaration order."""
    return [
        {"column": name, "type": glue_type, "meaning": record.model_fields[name].description or ""}
        for name, glue_type in glue_columns(record)
    ]


def describe_columns(record: type[LogRecord]) -> str:
    """Return the record's documentation as a Markdown table."""
    rows = [f"| `{c['column']}` | {c['type']} | {c['meaning']} |" for c in list_columns(record)]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def validate_columns(record: type[RecordT], columns: dict[str, Any]) -> RecordT:
    """Return the record with these columns, at half the cost of giving them as keywords.

    Raises: pydantic.ValidationError, as the record's own constructor does.
    """
    validated: RecordT = record.__pydantic_validator__.validate_python(columns)
    return validated


def encode_record(record: LogRecord) -> str:
    """Return one JSON line; times as 'YYYY-MM-DD HH:MM:SS.mmm' UTC, as Hive reads them.

    Raises: BadData when a number, alone or in a list, is NaN or infinite: the lake holds none.
    """
    to_json = record.__pydantic_serializer__.to_json  # what model_dump_json() calls
    line = to_json(record)
    if not line.isascii():  # escaping costs thrice the time: only where there is something to
        line = to_json(record, ensure_ascii=True)
    if _may_hold_non_finite(record):
        _refuse_non_finite(record)
    return line.decode()


def to_row(record: LogRecord) -> dict[str, object]:
    """Return the record as JSON-ready values, one per column.

    Raises: BadData when a number is NaN or infinite: the lake holds none.
    """
    return {name: plain_value(name, value) for name, value in record.__dict__.items()}


def decode_record(record: type[RecordT], row: Mapping[str, object]) -> RecordT:
    """Read a row of the lake back; unknown columns (newer writers) are ignored.

    Raises: BadData naming the first column that does not fit.
    """
    known = {
        name: _aware(row[name]) if field.annotation is datetime else row[name]
        for name, field in record.model_fields.items()
        if name in row
    }
    try:
        return record.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        column = ".".join(map(str, first["loc"]))
        raise BadData(f"{record.__name__}.{column}: {first['msg']}") from error


def _may_hold_non_finite(record: LogRecord) -> bool:
    """Say whether a sum of all numbers is none: NaN and infinities stay in it, overflow is rare.

    Summing costs a quarter of searching the line for their names.
    """
    values, (single, listed) = record.__dict__, _number_columns(type(record))
    total = 0.0
    for name in single:
        total += values[name] or 0.0
    for name in listed:
        total += sum(values[name])
    return total - total != 0.0


@cache
def _number_columns(record: type[LogRecord]) -> tuple[list[str], list[str]]:
    """Return the columns of numbers with a fraction, and of lists of them."""
    columns = glue_columns(record)
    single, listed = ([name for name, kind in columns if kind == wanted] for wanted in _FRACTIONS)
    return single, listed


def _refuse_non_finite(record: LogRecord) -> None:
    for name, value in record.__dict__.items():
        for number in value if isinstance(value, list) else (value,):
            plain_value(name, number)


def plain_value(name: str, value: Any) -> Any:
    """Return a column's value as JSON takes it. Raises: BadData when it is NaN or infinite."""
    if isinstance(value, datetime):
        return sql_timestamp(value)
    if isinstance(value, float) and value - value != 0.0:
        raise BadData(f"{name}: {value} is not a finite number")
    return value


def _aware(value: object) -> object:
    if isinstance(value, str) and len(value) > 18 and value[4] == "-" and value[10:11] == " ":
        return value.replace(" ", "T") + "+00:00"
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _glue_type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _glue_type(next(part for part in get_args(annotation) if part is not type(None)))
    if origin is Literal:
        return "string"
    if origin is list:
        return f"array<{_glue_type(get_args(annotation)[0])}>"
    return _GLUE_TYPES[annotation]
