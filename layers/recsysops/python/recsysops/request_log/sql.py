"""The one renderer that makes SQL: templates from this code, values only by type."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from recsysops.errors import BadInput
from recsysops.request_log.moments import sql_timestamp
from recsysops.vocabulary import ID_PATTERN

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Declared:
    """SQL that this code made from its own declarations: a select list, a table. Never input."""

    text: str


SqlValue = str | int | float | date | datetime | Declared


def render_sql(template: str, **values: SqlValue) -> str:
    """Fill {name} placeholders with literals of typed values.

    Moments become timestamp literals, dates and ids quoted text, numbers themselves. Text must
    look like an id (vocabulary.ID_PATTERN), so no quote can ever reach the SQL; only what is
    Declared goes in as it is.

    Raises: BadInput naming the placeholder that is missing or whose value is not allowed.

    >>> render_sql("SELECT 1 AS one WHERE x = {x}", x="d-1")
    "SELECT 1 AS one WHERE x = 'd-1'"
    """
    needed = set(_PLACEHOLDER.findall(template))
    if needed != set(values):
        raise BadInput(f"SQL needs {sorted(needed)}, was given {sorted(values)}")
    return _PLACEHOLDER.sub(lambda match: _literal(match[1], values[match[1]]), template)


def utc_day(moment: datetime) -> date:
    """Return the day that the `dt` partition of a moment is named after.

    >>> utc_day(datetime.fromisoformat("2026-01-02T00:30:00+02:00")).isoformat()
    '2026-01-01'
    """
    return moment.astimezone(UTC).date()


def _literal(name: str, value: SqlValue) -> str:
    if isinstance(value, Declared):
        return value.text
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadInput(f"{name}: {value} lacks a zone")
        return f"timestamp '{sql_timestamp(value)}'"
    if isinstance(value, date):
        return f"'{value.isoformat()}'"
    if isinstance(value, str):
        if not re.fullmatch(ID_PATTERN, value):
            raise BadInput(f"{name}: {value!r:.80} is not an id; allowed is {ID_PATTERN}")
        return f"'{value}'"
    if not math.isfinite(value):
        raise BadInput(f"{name}: {value} is not a finite number")
    # numpy's numbers are floats too, but do not print as such
    return str(int(value)) if isinstance(value, int) else repr(float(value))
