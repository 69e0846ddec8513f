"""The command that mirrors another recommender's traffic into our log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput

if TYPE_CHECKING:
    from recsysops.bootstrap import Ports
    from recsysops.model.catalogue import Catalogue


def mirror(
    file: Annotated[str, typer.Argument(help="JSON lines; - reads standard input.")],
    rank: Annotated[bool, typer.Option(help="Rank the same requests with our model.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Log another recommender's requests and answers as mirrored traffic; nothing is served."""
    from recsysops.workflows.mirror_requests import MirrorPorts, mirror_requests

    ports = open_ports()
    catalogue = _catalogue(ports) if rank else None
    report = mirror_requests(
        _read_lines(file), ports=MirrorPorts(ports.mirror_log, ports.members, catalogue)
    )
    if as_json:
        print_json(report)
    else:
        people.print(f"{report.written} requests mirrored, {report.refused} lines refused")
        for problem in report.problems:
            people.print(problem)
    if report.refused:
        raise typer.Exit(1)


def _catalogue(ports: Ports) -> Catalogue | None:
    """Return what serves now, None before anything does."""
    from recsysops.errors import ArtefactError
    from recsysops.workflows.load_catalogue import read_delta_pointer

    try:
        pointer = read_delta_pointer(ports.blobs)
        return ports.catalogues.load(pointer.model_id, pointer.delta_id)
    except ArtefactError:
        return None


def _read_lines(name: str) -> Iterator[str]:
    if name == "-":
        yield from sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8") as lines:
            yield from lines
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{name} cannot be read: {error}") from error
