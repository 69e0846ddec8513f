"""The command `launches`: what the newest forecasts say of upcoming launches, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json, print_table, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import CouldNotJudge
from recsysops.ports import BlobStore, QueryEngine
from recsysops.vocabulary import ItemFeatures

if TYPE_CHECKING:
    from recsysops.bootstrap import Ports
    from recsysops.request_log.job_records import LaunchForecastRow

_BETWEEN_REASONS = " || "
"""Reasons hold commas, and Athena prints an array without quoting its elements."""

NEWEST_FORECASTS = """
SELECT schema_version, as_of, item_id, launch_date, model_id, role, panel_share, low, high,
 shadow_share, flagged, array_join(reasons, ' || ') AS reasons, harm_probability
FROM launch_forecasts
WHERE as_of = (SELECT max(as_of) FROM launch_forecasts)
ORDER BY flagged DESC, launch_date, item_id, role DESC
"""


def launches(
    run: Annotated[bool, typer.Option("--run", help="Forecast now, then list.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the newest launch forecasts: share of the panel, interval, flags and their reasons."""
    ports = open_ports()
    if run:
        _forecast_now(ports)
    rows = read_forecasts(ports.queries)
    items = _read_items(ports.blobs) if rows else {}
    table = [describe_forecast(row, items.get(row.item_id)) for row in rows]
    if as_json:
        print_json(table)
        return
    for moment in {row.as_of for row in rows}:
        people.print(f"forecast on {moment:%Y-%m-%d %H:%M} UTC, for a week after launch")
    print_table("upcoming launches", [_cells(row) for row in table])
    if any("launch_date" in _simulated(row) for row in table):
        people.print("launch dates are simulated: the data set has none")


def read_forecasts(queries: QueryEngine) -> list[LaunchForecastRow]:
    """Return the rows of the newest run, flagged ones first. Raises: DependencyError, BadData."""
    from recsysops.request_log.job_records import LaunchForecastRow
    from recsysops.request_log.schema import decode_record

    return [
        decode_record(LaunchForecastRow, {**row, "reasons": _split(row.get("reasons"))})
        for row in queries.run(NEWEST_FORECASTS)
    ]


def describe_forecast(row: LaunchForecastRow, item: ItemFeatures | None) -> dict[str, object]:
    """Return a forecast with the item's title and which of its columns are simulated."""
    return {
        **row.model_dump(),
        "title": None if item is None else item.title,
        "simulated": [] if item is None else list(item.simulated),
    }


def _split(reasons: object) -> list[str]:
    return str(reasons).split(_BETWEEN_REASONS) if reasons else []


def _forecast_now(ports: Ports) -> None:
    """Run the state machine. Raises: CouldNotJudge with the reason when it refuses."""
    with progress_console.status("predict launches") as shown:
        answer = ports.runs.run(
            ports.settings.predict_launches_state_machine_arn,
            {},
            progress=lambda state, seconds: shown.update(
                f"predict launches: {state} {seconds:.0f} s"
            ),
        )
    if "refused" in answer:
        raise CouldNotJudge(f"launches: {answer['refused']}")


def _read_items(blobs: BlobStore) -> dict[str, ItemFeatures]:
    from recsysops.workflows.load_catalogue import load_delta, read_delta_pointer

    delta = load_delta(blobs, read_delta_pointer(blobs).delta_id)
    return {item.item_id: item for item in delta.items}


def _cells(row: Mapping[str, object]) -> dict[str, object]:
    simulated = " (simulated)" if "launch_date" in _simulated(row) else ""
    low, high = row["low"], row["high"]
    return {
        "item": row["item_id"],
        "title": row["title"],
        "launch": f"{row['launch_date']}{simulated}",
        "role": row["role"],
        "share": row["panel_share"],
        "90 % interval": None if low is None else f"{low:.3f} to {high:.3f}",
        "today": row["shadow_share"],
        "flag": "FLAGGED" if row["flagged"] else "",
        "reasons": row["reasons"],
    }


def _simulated(row: Mapping[str, object]) -> Sequence[object]:
    simulated = row["simulated"]
    return simulated if isinstance(simulated, list) else []
