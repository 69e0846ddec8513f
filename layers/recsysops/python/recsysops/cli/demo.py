"""Commands that tell or check the whole story: demo, faults-check."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from recsysops.cli.output import people, print_json, print_table, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput
from recsysops.simulation.fault_names import FAULT_NAMES, FaultName

if TYPE_CHECKING:
    from recsysops.cli.story.faults_check import FaultRow

FIRST_REPORTED_SEED = 300
"""Seeds below fixed thresholds; results are reported on these and later ones."""


def demo(
    fault: Annotated[str, typer.Option(help=f"One of {', '.join(FAULT_NAMES)}.")] = FAULT_NAMES[0],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another world.")] = 7,
    port: Annotated[int | None, typer.Option(help="Port of the laptop stage.")] = None,
    requests: Annotated[int, typer.Option(min=1000, help="Requests a day.")] = 1000,
    as_json: JsonFlag = False,
) -> None:
    """Serve, break, find, explain, fix, recover: on the laptop stage, started from empty."""
    from recsysops.cli.story.demo import FOLDER
    from recsysops.cli.story.laptop import tell_on_laptop

    name = fault_name(fault)
    started = time.monotonic()
    if not as_json:
        people.print(f"demo: fault [bold]{name}[/bold], seed {seed}; the laptop stage starts empty")
    report = tell_on_laptop(name, seed=seed, port=port, requests=requests, quiet=as_json)
    if as_json:
        print_json({"ok": report.ok, "report": str(FOLDER / "report.json")})
    else:
        clock = ", ".join(f"{k} {v:.0f} s" for k, v in report.seconds_to.items())
        people.print(f"after the fault: {clock or '–'}; all in {time.monotonic() - started:.0f} s")
        people.print(f"report: {FOLDER / 'report.html'}")
    if not report.ok:
        raise typer.Exit(1)


def faults_check(
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per fault.")] = 10,
    quiet_seeds: Annotated[int, typer.Option(min=0, help="Seeds without a fault.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0)] = FIRST_REPORTED_SEED,
    only: Annotated[str | None, typer.Option(help="One fault instead of all.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=16)] = 2,
    as_json: JsonFlag = False,
) -> None:
    """Run every fault over seeds in process: is each found, and named exactly?"""
    from recsysops.cli.story.faults_check import check_faults

    started = time.monotonic()
    faults = [fault_name(only)] if only else list(FAULT_NAMES)
    done: list[FaultRow] = []

    def show(row: FaultRow) -> None:
        done.append(row)
        mark = "ok" if row.ok else "WRONG"
        progress_console.print(f"{len(done):>3}  {row.fault} seed {row.seed}: {mark}")

    rows = check_faults(
        seeds=range(first_seed, first_seed + seeds),
        quiet_seeds=range(first_seed, first_seed + quiet_seeds),
        faults=faults,
        workers=workers,
        progress=show,
    )
    seconds = time.monotonic() - started
    ok = all(row.ok for row in rows)
    if as_json:
        print_json({"ok": ok, "seconds": seconds, "rows": [asdict(row) for row in rows]})
    else:
        print_table("faults-check", [_summary(rows, fault) for fault in faults])
        people.print(f"{seconds:.0f} s")
    if not ok:
        raise typer.Exit(1)


def fault_name(text: str) -> FaultName:
    """Return the fault of that name. Raises: BadInput listing the names."""
    names: tuple[FaultName, ...] = get_args(FaultName)
    for name in names:
        if name == text:
            return name
    raise BadInput(f"unknown fault {text!r}; choose from {', '.join(names)}")


def _summary(rows: Sequence[FaultRow], fault: FaultName) -> dict[str, object]:
    mine = [row for row in rows if row.fault == fault]
    return {
        "fault": fault,
        "worlds": len(mine),
        "right": sum(row.ok for row in mine),
        "smallest jaccard": min((row.jaccard for row in mine), default=0.0),
        "replayed": sum(row.replayed for row in mine),
        "bit equal": sum(row.bit_equal for row in mine),
        "wrong seeds": [row.seed for row in mine if not row.ok],
    }
