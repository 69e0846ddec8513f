"""The command `columns`: what every column of the lake means, from the records' declarations."""

from __future__ import annotations

from typing import Annotated

import typer

from recsysops.cli.output import print_json
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput


def columns(
    table: Annotated[str | None, typer.Argument(help="One table of the lake; all without.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the columns of the lake's tables as Markdown: name, type and meaning."""
    from recsysops.request_log.schema import describe_columns, list_columns
    from recsysops.request_log.tables import TABLES

    if table is not None and table not in TABLES:
        raise BadInput(f"table {table!r} is none of {', '.join(TABLES)}")
    chosen = [table] if table else list(TABLES)
    if as_json:
        print_json({name: list_columns(TABLES[name]) for name in chosen})
    else:
        sections = [f"## {name}\n\n{describe_columns(TABLES[name])}" for name in chosen]
        typer.echo("\n\n".join(sections))
