"""The command that checks every fault: in process over many seeds, or on the laptop stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.output import people, print_json, print_table, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput
from recsysops.simulation.fault_names import FAULT_NAMES, FaultName

if TYPE_CHECKING:
    from recsysops.cli.story.faults_check import FaultRow
    from recsysops.cli.story.laptop_check import LaptopRow

FIRST_REPORTED_SEED = 300
"""Seeds below fixed thresholds; results are reported on these and later ones."""

PortOption = Annotated[int | None, typer.Option(help="Port of the laptop stage.")]
_STAGES = ("in-process", "laptop")


def faults_check(
    stage: Annotated[str, typer.Option(help=f"One of {', '.join(_STAGES)}.")] = _STAGES[0],
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per fault, in process.")] = 10,
    quiet_seeds: Annotated[int, typer.Option(min=0, help="Seeds without a fault.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0)] = FIRST_REPORTED_SEED,
    workers: Annotated[int, typer.Option(min=1, max=16)] = 2,
    seed: Annotated[int, typer.Option(min=0, help="The one seed on the laptop stage.")] = (
        FIRST_REPORTED_SEED
    ),
    port: PortOption = None,
    only: Annotated[str | None, typer.Option(help="One fault instead of all.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run every fault: is each found, named exactly, and nothing where there is none?

    In process over many seeds, or (`--stage laptop`) one seed each as whole stories on the
    laptop stage, every one started from empty.
    """
    faults = [fault_name(only)] if only else list(FAULT_NAMES)
    started = time.monotonic()
    if stage == "laptop":
        told = _tell_on_laptop(faults, seed=seed, port=port)
        table, rows = [_told_row(row) for row in told], [asdict(row) for row in told]
        ok = all(row.ok for row in told)
    elif stage == "in-process":
        checked = _check_in_process(
            faults,
            seeds=range(first_seed, first_seed + seeds),
            quiet_seeds=range(first_seed, first_seed + quiet_seeds),
            workers=workers,
        )
        table, rows = [_summary(checked, name) for name in faults], [asdict(r) for r in checked]
        ok = all(row.ok for row in checked)
    else:
        raise BadInput(f"stage {stage!r} is none of {', '.join(_STAGES)}")
    seconds = time.monotonic() - started
    if as_json:
        print_json({"ok": ok, "stage": stage, "seconds": seconds, "rows": rows})
    else:
        print_table(f"faults-check, {stage}", table)
        people.print(f"{seconds:.0f} s")
    if not ok:
        raise typer.Exit(1)


def fault_name(text: str) -> FaultName:
    """Return the fault of that name. Raises: BadInput listing the names."""
    for name in FAULT_NAMES:
        if name == text:
            return name
    raise BadInput(f"unknown fault {text!r}; choose from {', '.join(FAULT_NAMES)}")


def _check_in_process(
    faults: Sequence[FaultName], *, seeds: range, quiet_seeds: range, workers: int
) -> list[FaultRow]:
    from recsysops.cli.story.faults_check import check_faults

    done: list[FaultRow] = []

    def show(row: FaultRow) -> None:
        done.append(row)
        mark = "ok" if row.ok else "WRONG"
        progress_console.print(f"{len(done):>3}  {row.fault} seed {row.seed}: {mark}")

    return check_faults(
        seeds=seeds, quiet_seeds=quiet_seeds, faults=faults, workers=workers, progress=show
    )


def _tell_on_laptop(faults: Sequence[FaultName], *, seed: int, port: int | None) -> list[LaptopRow]:
    from recsysops.cli.story.laptop_check import tell_faults_on_laptop

    def show(row: LaptopRow) -> None:
        mark = "ok" if row.ok else f"WRONG at {row.stopped_at}"
        progress_console.print(f"{row.fault} seed {row.seed}: {mark}, {row.seconds:.0f} s")

    return tell_faults_on_laptop(faults, seed=seed, port=port, progress=show)


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


def _told_row(row: LaptopRow) -> dict[str, object]:
    return {
        "fault": row.fault,
        "seed": row.seed,
        "right": "yes" if row.ok else f"NO, at {row.stopped_at}",
        "steps": row.steps,
        "seconds": round(row.seconds),
        **{name: None if at is None else round(at) for name, at in row.seconds_to.items()},
        "said": row.said,
    }
