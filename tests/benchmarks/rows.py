"""What a benchmark says: rows with a limit each, as one table and one JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure. `limit` is the largest allowed value, `at_least` the smallest; None: stated only.

    low and high are the extremes of the repetitions behind a median. note: said beside it.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the figure keeps its limit; None without one."""
        if self.limit is not None:
            return self.value <= self.limit
        return None if self.at_least is None else self.value >= self.at_least


def print_rows(rows: Sequence[Row], console: Console, *, title: str) -> None:
    """Print the table."""
    table = Table(title=title, title_justify="left")
    for name in ("what", "value", "unit", "range", "limit", "ok", "note"):
        table.add_column(name, justify="right" if name in {"value", "range", "limit"} else "left")
    for row in rows:
        spread = "" if row.low is None else f"{row.low:.3g} – {row.high:.3g}"
        kept = {True: "yes", False: "[bold red]NO[/]", None: ""}[row.ok]
        value = "–" if math.isnan(row.value) else f"{row.value:.4g}"
        table.add_row(row.name, value, row.unit, spread, _bound(row), kept, row.note)
    console.print(table)


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as JSON: name, value, unit, limit, ok and what else is known of each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [
        {
            "name": row.name,
            "value": None if math.isnan(row.value) else row.value,
            "unit": row.unit,
            "limit": row.limit if row.limit is not None else row.at_least,
            "bound": "at least" if row.at_least is not None else "at most",
            "ok": row.ok,
            "low": row.low,
            "high": row.high,
            "note": row.note,
        }
        for row in rows
    ]
    path.write_text(json.dumps(listed, indent=1) + "\n")


def _bound(row: Row) -> str:
    if row.limit is not None:
        return f"≤ {row.limit:g}"
    return "" if row.at_least is None else f"≥ {row.at_least:g}"
