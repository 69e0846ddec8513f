"""The commands `sources add` and `sources check`: a table file profiled, a later one judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadData, BadInput

if TYPE_CHECKING:
    from recsysops.detection.table_drift import TableDrift
    from recsysops.detection.table_profile import Codes, Column
    from recsysops.detection.table_source import SourceColumn, TableSource

app = typer.Typer(no_args_is_help=True, help="Data sources: profile one, judge what it delivers.")

FileArgument = Annotated[Path, typer.Argument(help="Parquet, CSV or JSON lines.")]


@app.command()
def add(
    file: FileArgument,
    name: Annotated[str | None, typer.Option(help="Its name; the file's without.")] = None,
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "unowned",
    cluster: Annotated[
        str | None, typer.Option(help="Column whose rows belong together, such as a member.")
    ] = None,
    identifier: Annotated[
        list[str] | None, typer.Option(help="Column that names things; repeat for more.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where; NAME.source.json without.")] = None,
    replace: Annotated[bool, typer.Option(help="Freeze a new reference over an old one.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Profile a file: propose schema and audits, and keep both with the frozen reference."""
    from pydantic import ValidationError

    from recsysops.detection.table_source import propose_source

    named = name or file.name.split(".")[0]
    target = out or Path(f"{named}.source.json")
    if target.exists() and not replace:
        raise BadInput(f"{target} holds a frozen reference already; --replace to freeze a new one")
    columns, groups = _read(file, cluster)
    try:
        source = propose_source(
            columns,
            groups=groups,
            name=named,
            owner=owner,
            cluster=cluster,
            identifiers=[*(identifier or ()), *([cluster] if cluster else ())],
        )
    except ValidationError as error:
        raise BadInput(f"name and owner: {error.errors()[0]['msg']}") from error
    target.write_text(source.model_dump_json() + "\n")
    if as_json:
        print_json(source.model_dump(exclude={"profile"}))
        return
    print_table(f"{named}: {source.rows:,} rows", [_described(column) for column in source.columns])
    people.print(f"kept in {target}; judge a later file: recsysops sources check {target} FILE")


@app.command()
def check(
    source: Annotated[Path, typer.Argument(help="What 'sources add' wrote.")],
    file: FileArgument,
    as_json: JsonFlag = False,
) -> None:
    """Judge a later file against the frozen reference; status 1 when something is wrong."""
    from recsysops.detection.table_drift import judge_table

    known = _read_source(source)
    columns, groups = _read(file, known.cluster)
    drift = judge_table(known.profile, known.watched(columns), groups=groups)
    if as_json:
        print_json(
            {"source": known.name, "rows": len(groups), "quiet": drift.is_quiet, **_told(drift)}
        )
    else:
        _print_drift(known, drift, rows=len(groups))
    if not drift.is_quiet:
        raise typer.Exit(1)


def _read(file: Path, cluster: str | None) -> tuple[dict[str, Column], Codes]:
    from recsysops.adapters.table_file import columns_of, groups_of, read_table_file
    from recsysops.detection.table_profile import deal_groups

    table = read_table_file(file)
    groups = groups_of(table, cluster=cluster) if cluster else deal_groups(table.num_rows)
    return columns_of(table), groups


def _read_source(path: Path) -> TableSource:
    from pydantic import ValidationError

    from recsysops.detection.table_source import TableSource

    try:
        return TableSource.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadData(f"{path} is nothing that 'recsysops sources add' wrote") from error


def _described(column: SourceColumn) -> dict[str, object]:
    return {
        "column": column.name,
        "kind": column.kind,
        "role": column.role,
        "null": f"{100 * column.nulls:.1f} %",
        "values": column.categories or _span(column.low, column.high),
        "audits": ", ".join(f"{metric} ≥ {floor:g}" for metric, floor in column.audits.items()),
    }


def _span(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:.4g} … {high:.4g}"


def _told(drift: TableDrift) -> dict[str, object]:
    return {
        "tested": drift.tested,
        "schema": drift.schema,
        "alarms": drift.alarms,
        "unjudged": drift.unjudged,
    }


def _print_drift(source: TableSource, drift: TableDrift, *, rows: int) -> None:
    for change in drift.schema:
        people.print(f"schema: {change.column}: {change.trouble.replace('_', ' ')}")
    for name, reason in drift.unjudged.items():
        people.print(f"could not judge {name}, because there is {reason}")
    alarms = [
        {
            "column": alarm.subject,
            "what": alarm.metric,
            "value": alarm.slice.get(alarm.subject, alarm.evidence.get("value")),
            "before": alarm.baseline,
            "now": alarm.observed,
            "effect": alarm.effect,
            "floor": alarm.effect_floor,
            "p": alarm.p_value,
        }
        for alarm in drift.alarms
    ]
    print_table(f"{source.name}: {rows:,} rows, {drift.tested} checks, alarms", alarms)
