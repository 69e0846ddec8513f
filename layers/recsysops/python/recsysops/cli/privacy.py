"""The command that forgets a member."""

from __future__ import annotations

from typing import Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json
from recsysops.cli.stage import JsonFlag


def forget(
    member_id: Annotated[str, typer.Argument(help="Member to forget.")],
    as_json: JsonFlag = False,
) -> None:
    """Delete a member's row and salt, so that the log can no longer be linked to the member."""
    from recsysops.workflows.forget_member import forget_member

    done = forget_member(member_id, members=open_ports().members)
    if as_json:
        print_json(done)
        return
    people.print("the row is gone" if done.was_known else "there was no row of this member")
    for line in done.remains:
        people.print(f"remains: {line}")
