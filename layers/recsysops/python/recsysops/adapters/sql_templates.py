"""Knows Athena SQL apart from its moments: translated and parsed once, whatever the window.

Both cost more than many an answer does, so a process keeps the statements of all its lakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import duckdb

from recsysops.adapters.duckdb_sql import translate_athena_sql

_MOMENT: Final = re.compile(r"timestamp '([^']*)'")
_DAY: Final = re.compile(r"'(\d{4}-\d\d-\d\d)'")
_TOLD_MOMENT: Final = re.compile(r"'1000-01-01 00:00:(\d+)(?:\.0+)?'")
_TOLD_DAY: Final = re.compile(r"'1000-01-(\d+)'")
_KEPT_STATEMENTS: Final = 2_048


@dataclass(frozen=True, slots=True)
class Question:
    """A statement for DuckDB, and the moments and days that it is asked about by name."""

    statement: duckdb.Statement
    values: dict[str, str]


def translate_moments(sql: str) -> Question:
    """Return one Athena SELECT for DuckDB. Raises: BadInput; duckdb.Error.

    Moments and days are told apart by which of them are the same within one query.
    """
    moments, days = _distinct(_MOMENT, sql), _distinct(_DAY, sql)
    template = _DAY.sub(
        lambda match: f"'1000-01-{days.index(match[1]) + 1:02d}'",
        _MOMENT.sub(
            lambda match: f"timestamp '1000-01-01 00:00:{moments.index(match[1]):02d}'", sql
        ),
    )
    values = {f"moment_{place:02d}": moment for place, moment in enumerate(moments)}
    values |= {f"day_{place + 1:02d}": day for place, day in enumerate(days)}
    return Question(_translate(template), values)


@lru_cache(maxsize=_KEPT_STATEMENTS)
def _translate(template: str) -> duckdb.Statement:
    translated = translate_athena_sql(template)
    named = _TOLD_DAY.sub(r"$day_\1", _TOLD_MOMENT.sub(r"$moment_\1", translated))
    (statement,) = duckdb.extract_statements(named)
    return statement


def _distinct(pattern: re.Pattern[str], sql: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(sql)))
