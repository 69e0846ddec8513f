"""The one renderer that makes SQL: templates from this code, values only by type."""

from __future__ import annotations

import math
import re
from datetime import date, datetime

from recsysops.errors import BadInput
from recsysops.request_log.schema import sql_timestamp
from recsysops.vocabulary import ID_PATTERN

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

SqlValue = str | int | float | date | datetime


def render_sql(template: str, **values: SqlValue) -> str:
    """Fill {name} placeholders with literals of typed values.

    Moments become timestamp literals, dates and ids quoted text, numbers themselves. Text must
    look like an id (vocabulary.ID_PATTERN), so no quote can ever reach the SQL.

    Raises: BadInput naming the placeholder that is missing or whose value is not allowed.

    >>> render_sql("SELECT 1 AS one WHERE x = {x}", x="d-1")
    "SELECT 1 AS one WHERE x = 'd-1'"
    """
    needed = set(_PLACEHOLDER.findall(template))
    if needed != set(values):
        raise BadInput(f"SQL needs {sorted(needed)}, was given {sorted(values)}")
    return _PLACEHOLDER.sub(lambda match: _literal(match[1], values[match[1]]), template)


def _literal(name: str, value: SqlValue) -> str:
    if isinstance(value, datetime):
        return f"timestamp '{sql_timestamp(value)}'"
    if isinstance(value, date):
        return f"'{value.isoformat()}'"
    if isinstance(value, str):
        if not re.fullmatch(ID_PATTERN, value):
            raise BadInput(f"{name}: {value!r} is not an id; allowed is {ID_PATTERN}")
        return f"'{value}'"
    if not math.isfinite(value):
        raise BadInput(f"{name}: {value} is not a finite number")
    return repr(value)
