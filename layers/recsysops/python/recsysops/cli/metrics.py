"""The commands `metrics`: what item owners declare, checked and put among the audits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.output import people, print_json, print_table, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput

if TYPE_CHECKING:
    from recsysops.detection.owned_metric import OwnedMetric

app = typer.Typer(no_args_is_help=True, help="Metrics of item owners: each becomes an audit.")

FileArgument = Annotated[Path, typer.Argument(help="TOML file; CONTRIBUTING.md has the format.")]


@app.command("list")
def list_metrics(as_json: JsonFlag = False) -> None:
    """List the declared metrics."""
    from recsysops.detection.catalogue import OWNED_METRICS, UNREADABLE_METRICS

    if as_json:
        print_json([metric.model_dump() for metric in OWNED_METRICS])
    else:
        print_table("metrics", [_row(metric) for metric in OWNED_METRICS])
    for broken in UNREADABLE_METRICS:
        progress_console.print(f"{broken.audit} cannot be judged: {broken.reason}")


@app.command()
def check(file: FileArgument, as_json: JsonFlag = False) -> None:
    """Check a file and show the SQL that its audit would ask for yesterday."""
    from datetime import UTC, datetime

    from recsysops.detection.context import plan_context
    from recsysops.detection.owned_metric import as_audit, read_owned_metric

    metric = read_owned_metric(file)
    audit = as_audit(metric)
    sql = audit.render(plan_context({}, now=datetime.now(UTC)))
    if as_json:
        print_json({"audit": audit.name, "metric": metric.model_dump(), "sql": sql})
        return
    print_table(audit.name, [_row(metric)])
    people.print(sql)


@app.command()
def add(file: FileArgument, as_json: JsonFlag = False) -> None:
    """Check a file and put it among the audits here; then `make pages`, and deploy."""
    from recsysops.detection.catalogue import OWNED_METRICS, OWNED_METRICS_FOLDER
    from recsysops.detection.owned_metric import as_audit, read_owned_metric

    metric = read_owned_metric(file)
    if any(known.name == metric.name for known in OWNED_METRICS):
        raise BadInput(f"metric {metric.name!r} is declared already; edit it in its file")
    target = OWNED_METRICS_FOLDER / f"{metric.name}.toml"
    target.write_bytes(file.read_bytes())
    audit = as_audit(metric).name
    if as_json:
        print_json({"audit": audit, "file": str(target), "metric": metric.model_dump()})
        return
    people.print(f"{audit} is declared in {target}")
    # AUDITS.md holds every audit, and `make check` compares it
    people.print("then `make pages`, and deploy to have it judged")


def _row(metric: OwnedMetric) -> dict[str, object]:
    return {
        "metric": metric.name,
        "measure": metric.measure,
        "items": metric.items,
        "alarm": f"{metric.turn} ≥ {100 * metric.floor:.0f} %",
        "every": metric.every,
        "owner": metric.owner,
        "question": metric.question,
    }
