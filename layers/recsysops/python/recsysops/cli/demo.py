"""The command that tells the whole story: demo."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from recsysops.cli.faults import PortOption, fault_name
from recsysops.cli.output import people, print_json
from recsysops.cli.stage import JsonFlag
from recsysops.simulation.fault_names import FAULT_NAMES


def demo(
    fault: Annotated[str, typer.Option(help=f"One of {', '.join(FAULT_NAMES)}.")] = FAULT_NAMES[0],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another world.")] = 7,
    port: PortOption = None,
    requests: Annotated[int, typer.Option(min=1000, help="Requests a day.")] = 1000,
    as_json: JsonFlag = False,
) -> None:
    """Serve, break, find, explain, fix, recover: on the laptop stage, started from empty."""
    from recsysops.cli.story.demo import FOLDER
    from recsysops.cli.story.laptop import tell_on_laptop

    name = fault_name(fault)
    started = time.monotonic()
    if not as_json:
        people.print(f"demo: fault {name}, seed {seed}; the laptop stage starts empty")
    report = tell_on_laptop(name, seed=seed, port=port, requests=requests, quiet=as_json)
    if as_json:
        print_json({"ok": report.ok, "report": str(FOLDER / "report.json")})
    else:
        clock = ", ".join(f"{k} {v:.0f} s" for k, v in report.seconds_to.items())
        people.print(f"after the fault: {clock or '–'}; all in {time.monotonic() - started:.0f} s")
        people.print(f"report: {FOLDER / 'report.html'}")
    if not report.ok:
        raise typer.Exit(1)
