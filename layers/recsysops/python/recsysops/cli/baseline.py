"""Commands of the frozen reference: show it, and pin another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag

app = typer.Typer(help="Show the frozen reference of audits and what was learned of it; pin one.")


@app.callback(invoke_without_command=True)
def baseline(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Show which stretch is frozen, which audits use it, and what is kept of it."""
    if context.invoked_subcommand is not None:
        return
    from recsysops.detection.baseline import KEY_PREFIX
    from recsysops.detection.catalogue import AUDITS
    from recsysops.workflows.pin_reference import find_pinned

    ports = open_ports()
    pinned = find_pinned(ports.blobs)
    frozen = [audit for audit in AUDITS if audit.baseline == "frozen"]
    found = (
        {} if pinned is None else {a.name: ports.baselines.find(a, pinned.window) for a in frozen}
    )
    rows = [
        {
            "audit": audit.name,
            "kept": (kept := found.get(audit.name)) is not None,
            "rows": len(kept.rows) if kept else 0,
            "binned": sorted(kept.edges) if kept else [],
        }
        for audit in frozen
    ]
    if as_json:
        document = None if pinned is None else pinned.model_dump(mode="json")
        print_json({"pinned": document, "prefix": KEY_PREFIX, "audits": rows})
        return
    people.print(
        "no reference is frozen: audits compare with the day before"
        if pinned is None
        else f"frozen: {pinned.start:%F %R} to {pinned.end:%F %R} UTC, since "
        f"{pinned.pinned_at:%F %R} ({pinned.reason or 'no reason given'})"
    )
    print_table("audits with a frozen baseline", rows)


@app.command()
def freeze(
    start: Annotated[str, typer.Option("--from", help="Start of the stretch.")],
    end: Annotated[str, typer.Option("--to", help="End of the stretch.")],
    reason: Annotated[str, typer.Option(help="Why this stretch is what normal looks like.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Pin a stretch of the past as the reference; audits learn it at their next scheduled run."""
    from recsysops.cli.operate import parse_window
    from recsysops.workflows.pin_reference import pin_reference

    window = parse_window(start, end)
    pinned = pin_reference(window, blobs=open_ports().blobs, reason=reason, now=datetime.now(UTC))
    if as_json:
        print_json(pinned.model_dump(mode="json"))
    else:
        people.print(f"frozen: {pinned.start:%F %R} to {pinned.end:%F %R} UTC")
