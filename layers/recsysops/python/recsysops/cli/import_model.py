"""Command that brings a model trained elsewhere: two files of vectors become one of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.cli.train import let_serve


def import_model(
    items: Annotated[Path, typer.Argument(help=".npz with ids, vectors and maybe bias.")],
    members: Annotated[Path, typer.Argument(help=".npz with ids and vectors.")],
    trained_by: Annotated[str, typer.Option(help="Who or what trained it.")] = "imported vectors",
    popularity_weight: Annotated[
        float, typer.Option(help="Weight of log fresh popularity; 0 keeps the scores as given.")
    ] = 0.0,
    half_life_days: Annotated[float, typer.Option(help="Half-life of that popularity.")] = 30.0,
    serve: Annotated[bool, typer.Option("--serve", help="Let it serve at once.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Turn item and member vectors of any dot-product model into a candidate."""
    from recsysops.datasets.vector_file import read_vector_file
    from recsysops.workflows.import_model import import_model as import_vectors

    of_items, of_members, ports = read_vector_file(items), read_vector_file(members), open_ports()
    now = datetime.now(UTC)
    with progress_console.status(f"writing {len(of_members.ids):,} member vectors"):
        model = import_vectors(
            of_items,
            of_members,
            as_of=now,
            trained_by=trained_by,
            item_store=ports.items,
            blobs=ports.blobs,
            member_store=ports.members,
            registry=ports.registry,
            status="production" if serve else "candidate",
            popularity_weight=popularity_weight,
            half_life_days=half_life_days,
            lake=ports.lake,
        )
    served = (
        let_serve(ports, model.model_id, now=now, note="recsysops import-model") if serve else {}
    )
    if as_json:
        print_json(
            {
                "model_id": model.model_id,
                "items": model.items,
                "known_items": model.known_items,
                "members": model.members,
                **served,
            }
        )
        return
    what = "serves" if serve else "is a candidate"
    people.print(
        f"model {model.model_id} {what}: {model.known_items:,} of {model.items:,} items are in "
        f"the table, {model.members:,} members have a vector"
    )
