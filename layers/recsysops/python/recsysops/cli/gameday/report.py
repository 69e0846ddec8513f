"""The page of a game day: what was found at which size, what cried wolf, fault by fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from recsysops.cli.gameday.grading import NO_FAULT, WorldRow
from recsysops.cli.gameday.summary import summarise, table_of
from recsysops.cli.story.plots import draw_bars
from recsysops.cli.story.report import Plot
from recsysops.simulation.gauntlet.fault_file import TIMES_FLOOR

if TYPE_CHECKING:
    from jinja2 import Template


def write_page(rows: Sequence[WorldRow], path: Path, *, first_seed: int, seconds: float) -> Path:
    """Write the self-contained page; every value is escaped."""
    page = _page().render(
        rows=rows,
        summary=summarise(rows),
        table=table_of(rows),
        plots=list(_draw(rows)),
        first_seed=first_seed,
        seconds=seconds,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    return path


def _draw(rows: Sequence[WorldRow]) -> list[Plot]:
    plots = []
    shares = {str(size): share for size, share in summarise(rows).found.items()}
    if shares:
        plots.append(
            draw_bars(
                "Found, by magnitude",
                shares,
                caption=f"Share of worlds with a fault of {', '.join(map(str, _TIMES))} times the "
                "published effect floor in which the right incident was opened.",
                unit="share of worlds",
            )
        )
    weeks = [row.false_incidents for row in rows if row.fault == NO_FAULT]
    if weeks:
        counts = Counter(weeks)
        plots.append(
            draw_bars(
                "False incidents of quiet weeks",
                {str(number): counts[number] for number in range(max(weeks) + 1)},
                caption="Weeks by how many incidents they opened although nothing was wrong.",
                unit="quiet weeks",
            )
        )
    return plots


_TIMES = [f"{times:g}" for times in TIMES_FLOOR.values()]


@cache
def _page() -> Template:
    from jinja2 import Environment, PackageLoader  # only the page needs a template engine

    environment = Environment(
        loader=PackageLoader("recsysops.cli.gameday", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template("report.html.jinja")
