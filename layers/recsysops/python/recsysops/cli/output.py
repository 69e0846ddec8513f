"""How every command answers: rich text for people, one JSON document with --json."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from rich.progress import Progress

_PIPED_WIDTH = 160
"""A file or a pipe has no width; rich's 80 columns would break words of every table."""

people = Console(
    highlight=False,
    markup=False,  # what is told may come from anybody and hold square brackets
    soft_wrap=True,  # a line that is cut cannot be searched or copied; the terminal wraps it
    width=None if sys.stdout.isatty() else _PIPED_WIDTH,
)
progress_console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print one JSON document on standard output; dataclasses, dates and tuples are fine."""
    sys.stdout.write(json.dumps(value, default=_plain, indent=1) + "\n")


def print_table(
    title: str, rows: Sequence[Mapping[str, object]], *, columns: Iterable[str] | None = None
) -> None:
    """Print rows as a table for people; no rows say so."""
    if not rows:
        people.print(f"{title}: none")
        return
    names = list(columns or rows[0])
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    people.print(table, soft_wrap=False)


def progress_bar(*, quiet: bool = False) -> Progress:
    """Return a progress bar on standard error that leaves nothing behind.

    Without a terminal it shows nothing: it would only leave empty lines.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=progress_console,
        transient=True,
        disable=quiet or not progress_console.is_terminal,
    )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%F %T}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value[:8])) + (" …" if len(value) > 8 else "")
    return str(value)


def _plain(value: Any) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, frozenset | set | tuple):
        return sorted(value) if isinstance(value, frozenset | set) else list(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
