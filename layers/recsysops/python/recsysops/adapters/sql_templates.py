"""Knows Athena SQL apart from its moments: translated once, asked of one window or of many.

Parsing costs more than most answers do, so a process keeps the translations of all its lakes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from recsysops.adapters.duckdb_sql import translate_athena_sql

_MOMENT: Final = re.compile(r"timestamp '([^']*)'")
_DAY: Final = re.compile(r"'(\d{4}-\d\d-\d\d)'")
_KEPT_TRANSLATIONS: Final = 2_048
_ASKED: Final = "asked_window"


def translate_moments(sql: str) -> str:
    """Return one Athena SELECT as DuckDB SQL. Raises: BadInput.

    Moments and days are told apart by which of them are the same within one query.
    """
    moments, days = _distinct(_MOMENT, sql), _distinct(_DAY, sql)
    template = _DAY.sub(
        lambda match: f"'1000-01-{days.index(match[1]) + 1:02d}'",
        _MOMENT.sub(
            lambda match: f"timestamp '1000-01-01 00:00:{moments.index(match[1]):02d}'", sql
        ),
    )
    filled = _translate(template)
    for place, moment in enumerate(moments):
        filled = filled.replace(f"1000-01-01 00:00:{place:02d}", moment)
    for place, day in enumerate(days):
        filled = filled.replace(f"'1000-01-{place + 1:02d}'", f"'{day}'")
    return filled


def translate_together(queries: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Yield (queries, one DuckDB SELECT) of those that differ in their moments alone.

    The SELECT is the very query, its moments columns of a table with a row per query. First
    of its columns is the query's place; rows are ordered by that and by all other columns.
    Raises: BadInput.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for sql in dict.fromkeys(queries):
        alike[_with_columns(sql)].append(sql)
    for template, group in alike.items():
        rows = ", ".join(_values_row(place, sql) for place, sql in enumerate(group))
        columns = ", ".join(_columns(len(_distinct(_MOMENT, group[0]))))
        yield (
            group,
            f"SELECT {_ASKED}.place, answer.* "  # noqa: S608 - the query itself, and its own moments
            f"FROM (VALUES {rows}) AS {_ASKED}(place{columns and ', ' + columns}), "
            f"LATERAL ({_translate(template)}) AS answer ORDER BY ALL",
        )


@lru_cache(maxsize=_KEPT_TRANSLATIONS)
def _translate(template: str) -> str:
    return translate_athena_sql(template)


def _distinct(pattern: re.Pattern[str], sql: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(sql)))


def _columns(count: int) -> list[str]:
    return [f"moment_{place}" for place in range(count)]


def _with_columns(sql: str) -> str:
    moments = _distinct(_MOMENT, sql)
    return _MOMENT.sub(lambda match: f"{_ASKED}.moment_{moments.index(match[1])}", sql)


def _values_row(place: int, sql: str) -> str:
    moments = (f"TIMESTAMP '{moment}'" for moment in _distinct(_MOMENT, sql))
    return f"({', '.join([str(place), *moments])})"
