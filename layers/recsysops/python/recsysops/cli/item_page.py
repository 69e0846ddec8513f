"""The command `item`: one item as its owner sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.operate import parse_optional_window
from recsysops.cli.output import people, print_json, print_table, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import NotFound
from recsysops.vocabulary import Window

if TYPE_CHECKING:
    from recsysops.workflows.show_item import ItemMetric, ItemPage

_DAY = timedelta(days=1)
_SHOWN_FEATURES = (
    "title", "genres", "year", "language", "price", "in_stock", "launch_date", "source", "batch",
    "log_popularity", "simulated",
)  # fmt: skip


def item(
    item_id: Annotated[str, typer.Argument(help="The item.")],
    start: Annotated[
        str | None, typer.Option("--from", help="ISO moment, UTC without a zone.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an item: features as served, how it is shown, played and ranked, its incidents.

    The window (the last full 24 hours without one) is compared with the stretch just before it.
    """
    from recsysops.workflows.show_item import show_item

    window = parse_optional_window(start, end) or _last_day()
    reference = Window(window.start - (window.end - window.start), window.start)
    ports = open_ports()
    with progress_console.status(f"item {item_id}"):
        page = show_item(
            item_id,
            window=window,
            reference=reference,
            queries=ports.queries,
            incidents=ports.incidents,
        )
    if page.is_unknown():
        raise NotFound(f"no item {item_id!r} in snapshots, requests and incidents of these days")
    if as_json:
        print_json(
            {
                "item_id": item_id,
                "window": window,
                "features": page.features and page.features.model_dump(mode="json"),
                "metrics": page.metrics,
                "incidents": page.incidents,
            }
        )
    else:
        _print_page(page)


def _last_day() -> Window:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return Window(end - _DAY, end)


def _print_page(page: ItemPage) -> None:
    if page.features is None:
        people.print(f"{page.item_id}: no snapshot of these days has it")
    else:
        known = page.features.model_dump(mode="json", include=set(_SHOWN_FEATURES))
        print_table(page.item_id, [{"feature": n, "value": known[n]} for n in _SHOWN_FEATURES])
    print_table("metrics, against the stretch before", [_metric_row(one) for one in page.metrics])
    print_table(
        "incidents",
        [{"id": o.incident_id, "status": o.status, "title": o.title} for o in page.incidents],
    )


def _metric_row(metric: ItemMetric) -> dict[str, object]:
    return {
        "metric": metric.declared or metric.measure,
        "measure": metric.measure,
        "owner": metric.owner,
        "before": metric.before,
        "now": metric.now,
        "p": metric.p_value,
        "alarms at": metric.floor,
    }
