"""How Athena's result texts become Python values, by the column's type.

Athena says that a column is an array but not of what, and writes it as `[a, b, null]` without
quotes. So elements stay text (or None): `decode_record` types them by the record's schema, and
`float(element)` works on this engine's text as on another's number. Text elements may not hold
', '; ids never do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType

from recsysops.errors import DependencyError


def read_value(text: str | None, column_type: str) -> object:
    """Return the value of one cell; no text is NULL. Unknown types stay text.

    Timestamps come back aware, in UTC; doubles are exact.

    Raises: DependencyError when the text is no value of the type.

    >>> read_value("2026-01-02 03:04:05.678", "timestamp").isoformat()
    '2026-01-02T03:04:05.678000+00:00'
    >>> read_value("[1029, null]", "array")
    ['1029', None]
    """
    if text is None:
        return None
    try:
        return _READERS.get(column_type, str)(text)
    except ValueError as error:
        raise DependencyError(f"Athena sent {text[:80]!r} as a {column_type}") from error


def _read_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _read_timestamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _read_array(text: str) -> list[str | None]:
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(text)
    inside = text[1:-1]
    parts = inside.split(", ") if inside else []
    return [None if part == "null" else part for part in parts]


_READERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "boolean": _read_boolean,
        "tinyint": int,
        "smallint": int,
        "integer": int,
        "int": int,
        "bigint": int,
        "float": float,
        "real": float,
        "double": float,
        # numbers stay comparable with those of the in-process lake
        "decimal": float,
        "date": date.fromisoformat,
        "timestamp": _read_timestamp,
        "timestamp with time zone": _read_timestamp,
        "array": _read_array,
        "json": json.loads,
    }
)
