"""The page of a game day: what was found at which size, what cried wolf, fault by fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from recsysops.cli.gameday.grading import NO_FAULT, WorldRow
from recsysops.cli.gameday.summary import summarise, table_of
from recsysops.cli.pages.page import fill_page
from recsysops.cli.pages.plots import Plot, draw_bars
from recsysops.simulation.gauntlet.fault_file import TIMES_FLOOR


def write_page(rows: Sequence[WorldRow], path: Path, *, first_seed: int, seconds: float) -> Path:
    """Write the self-contained page; every value is escaped."""
    page = fill_page(
        "gameday",
        worlds=len(rows),
        wrong=[_wrong_row(row) for row in rows if row.was_wrong],
        summary=summarise(rows),
        table=table_of(rows),
        plots=list(_draw(rows)),
        first_seed=first_seed,
        seconds=seconds,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    return path


def _wrong_row(row: WorldRow) -> dict[str, object]:
    return {
        "fault": row.fault,
        "magnitude": row.magnitude,
        "world": row.world,
        "seed": row.seed,
        "what was said": "; ".join(row.said) or "nothing",
    }


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
