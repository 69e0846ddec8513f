"""The command that runs a game day: labelled faults and quiet weeks, found or not, how soon."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.output import people, print_json, print_table, progress_bar, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recsysops.cli.gameday.grading import WorldRow
    from recsysops.cli.gameday.summary import Summary
    from recsysops.cli.gameday.worlds import Task
    from recsysops.simulation.gauntlet.fault_file import FaultFile


_PAGE = Path("build/gameday/report.html")
_ROWS = Path("build/gameday/rows.jsonl")
"""Every world's row as soon as it is judged: what is left of a run that was interrupted."""


def gameday(
    faults_dir: Annotated[
        Path | None, typer.Option(help="Folder of more fault files, as CONTRIBUTING documents.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="First seed; from 1000 on.")] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="One seed, middle and large faults, four quiet weeks."),
    ] = False,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds per fault; 10, quick 1.")] = None,
    chains: Annotated[
        int | None, typer.Option(min=1, help="Chains of ten quiet weeks; 30.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="One fault, or none for quiet weeks.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64)] = 2,
    as_json: JsonFlag = False,
) -> None:
    """Break worlds on purpose and see whether the audits find it, and that quiet weeks stay quiet.

    Every fault in three sizes: 1, 2 and 5 times the published effect floor of the audit that
    its file names; small ones are looked for on their first day alone, the others for three. The
    detectors see the lake only. Fails when middle or large faults are found
    in less than 95 % of worlds, or quiet weeks have more than 0.1 false incidents.
    """
    from recsysops.cli.gameday.plan import FIRST_REPORTED_SEED, FULL, QUICK, plan_tasks
    from recsysops.cli.gameday.report import write_page
    from recsysops.cli.gameday.summary import summarise
    from recsysops.cli.gameday.worlds import FaultTask
    from recsysops.simulation.gauntlet.fault_file import load_faults

    extent = QUICK if quick else FULL
    extent = replace(
        extent, fault_seeds=seeds or extent.fault_seeds, chains=chains or extent.chains
    )
    first_seed = FIRST_REPORTED_SEED if seed is None else seed
    faults = _chosen(load_faults(faults_dir), only)
    tasks = plan_tasks(faults, first_seed=first_seed, extent=extent)
    if only and only != "none":
        tasks = [task for task in tasks if isinstance(task, FaultTask)]
    if not as_json:
        progress_console.print(_tell_extent(tasks, workers=workers))
    started = time.monotonic()
    rows, cpu_seconds = _run(tasks, workers=workers, quiet=as_json)
    took = {"seconds": time.monotonic() - started, "cpu_seconds": cpu_seconds}
    summary = summarise(rows)
    page = write_page(rows, _PAGE, first_seed=first_seed, seconds=took["seconds"])
    if as_json:
        told = {"ok": summary.ok, **took, "summary": asdict(summary)}
        print_json({**told, "rows": [asdict(row) for row in rows]})
    else:
        _print_people(rows, summary)
        people.print(f"{took['seconds']:.0f} s, {cpu_seconds:.0f} CPU seconds; {page}")
    if not summary.ok:
        raise typer.Exit(1)


def _tell_extent(tasks: Sequence[Task], *, workers: int) -> str:
    from recsysops.cli.gameday.plan import expect_cpu_seconds

    minutes = expect_cpu_seconds(tasks) / 60.0
    worlds = sum(task.worlds for task in tasks)
    wall = minutes / min(workers, max(len(tasks), 1))
    return f"{worlds} worlds, about {minutes:.0f} CPU minutes, {wall:.0f} with {workers} workers"


def _run(tasks: Sequence[Task], *, workers: int, quiet: bool) -> tuple[list[WorldRow], float]:
    """Run the tasks behind a progress bar, and keep rows as they come."""
    from recsysops.cli.gameday.run import run_tasks

    _ROWS.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar(quiet=quiet) as bar, _ROWS.open("w") as kept:
        shown = bar.add_task("worlds", total=sum(task.worlds for task in tasks))

        def done(row: WorldRow) -> None:
            kept.write(json.dumps(asdict(row)) + "\n")
            kept.flush()
            bar.advance(shown)

        try:
            return run_tasks(tasks, workers=workers, done=done)
        except BaseException:
            progress_console.print(f"stopped; the worlds judged until then are in {_ROWS}")
            raise


def _chosen(faults: tuple[FaultFile, ...], only: str | None) -> tuple[FaultFile, ...]:
    from recsysops.cli.gameday.grading import published_floor

    chosen = tuple(fault for fault in faults if only in (None, fault.name))
    if not chosen and only != "none":
        names = ", ".join(fault.name for fault in faults)
        raise BadInput(f"unknown fault {only!r}; choose from none, {names}")
    for fault in chosen:
        published_floor(fault)  # a bad file must say so before an hour of work
    return chosen


def _print_people(rows: list[WorldRow], summary: Summary) -> None:
    from recsysops.cli.gameday.summary import table_of

    print_table("faults found, and median windows until then", table_of(rows))
    for row in rows:
        if row.was_wrong:
            what = f"{row.fault} {row.magnitude or ''}".strip()
            said = "; ".join(row.said) or "nothing"
            progress_console.print(f"{what}, {row.world} world {row.seed}: said {said}")
    for size, share in summary.found.items():
        windows = summary.windows.get(size)
        people.print(f"{size}: {share:.1%} found, median {windows} windows")
    if summary.false_per_week is not None:
        weeks = summary.quiet_weeks
        people.print(f"{summary.false_per_week:.3f} false incidents per quiet week, {weeks} weeks")
