"""Knows Athena SQL apart from its moments: translated once, whatever the window.

Parsing costs more than most answers do, so a process keeps the translations of all its lakes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from recsysops.adapters.duckdb_sql import translate_athena_sql

_MOMENT: Final = re.compile(r"timestamp '([^']*)'")
_DAY: Final = re.compile(r"'(\d{4}-\d\d-\d\d)'")
_KEPT_TRANSLATIONS: Final = 2_048


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


@lru_cache(maxsize=_KEPT_TRANSLATIONS)
def _translate(template: str) -> str:
    return translate_athena_sql(template)


def _distinct(pattern: re.Pattern[str], sql: str) -> list[str]:
    return list(dict.fromkeys(pattern.findall(sql)))
