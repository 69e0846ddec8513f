"""The command `missed-choices`: what members chose although we ranked it low, in clusters."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.operate import parse_window
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.pages.page import fill_page
from recsysops.cli.stage import JsonFlag

if TYPE_CHECKING:
    from recsysops.diagnosis.missed_choices import MissedCluster, RankedChoice

_COLUMNS = (
    "request_id", "item_id", "title", "surface", "rank", "eligible_count", "genres", "language",
    "source", "age_years", "popularity",
)  # fmt: skip


def missed_choices(
    start: Annotated[str, typer.Option("--from", help="Start of the window.")],
    end: Annotated[str, typer.Option("--to", help="End of the window.")],
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write every missed choice to this file.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write clusters and choices to this page.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what members chose although we ranked it low or not at all, and what it shares."""
    from recsysops.diagnosis.missed_choices import cluster_missed_choices
    from recsysops.workflows.find_missed_choices import read_ranked_choices

    window = parse_window(start, end)
    choices = read_ranked_choices(open_ports().queries, window)
    clusters = cluster_missed_choices(choices)
    missed = [choice for choice in choices if choice.is_missed]
    if csv_file:
        write_csv(missed, csv_file)
    if html_file:
        html_file.parent.mkdir(parents=True, exist_ok=True)
        told = f"{window.start:%F %R} to {window.end:%F %R} UTC"
        html_file.write_text(render_page(clusters, missed, window=told, choices=len(choices)))
    if as_json:
        print_json({"choices": len(choices), "missed": len(missed), "clusters": clusters})
        return
    people.print(f"{len(missed)} of {len(choices)} ranked choices were missed")
    print_table("missed choices, in clusters", [cluster_row(cluster) for cluster in clusters])


def cluster_row(cluster: MissedCluster) -> dict[str, object]:
    """Return a cluster as one row for people."""
    return {
        "traits": " and ".join(cluster.traits) or "the rest",
        "missed": round(cluster.missed, 1),
        "of": round(cluster.chosen, 1),
        "rate": f"{100 * cluster.miss_rate:.0f} %",
        "lift": f"{cluster.lift:.1f} ×",
        "e.g.": "; ".join(title or item_id for _, item_id, title in cluster.examples),
    }


def write_csv(missed: Sequence[RankedChoice], path: Path) -> None:
    """Write one line per missed choice; a text that a spreadsheet would run is quoted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows([_harmless(cell) for cell in _cells(choice)] for choice in missed)


def render_page(
    clusters: Sequence[MissedCluster],
    missed: Sequence[RankedChoice],
    *,
    window: str,
    choices: int,
) -> str:
    """Return a page of its own: clusters on top, every missed choice below.

    choices: how many ranked choices the window has.
    """
    return fill_page(
        "missed_choices",
        window=window,
        choices=choices,
        missed=len(missed),
        clusters=[cluster_row(cluster) for cluster in clusters],
        rows=[_choice_row(choice) for choice in missed],
    )


def _choice_row(choice: RankedChoice) -> dict[str, object]:
    return {
        "title": choice.title or choice.item_id,
        "rank": choice.rank or "no candidate",
        "of": choice.eligible_count,
        "popularity": None if choice.popularity is None else f"{100 * choice.popularity:.0f} %",
        "genres": ", ".join(choice.genres),
        "language": choice.language,
        "age, years": choice.age_years,
        "supplier": choice.source,
        "surface": choice.surface,
        "item": choice.item_id,
        "request": choice.request_id,
    }


def _cells(choice: RankedChoice) -> list[object]:
    values = [getattr(choice, name) for name in _COLUMNS]
    return ["|".join(value) if isinstance(value, tuple) else value for value in values]


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell
