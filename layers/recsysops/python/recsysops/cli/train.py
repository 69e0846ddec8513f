"""Command that fills a stack: items into the table, a model trained, approved and served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json, progress_bar
from recsysops.cli.stage import JsonFlag
from recsysops.vocabulary import ModelPointer

if TYPE_CHECKING:
    from recsysops.bootstrap import Ports


def train(
    data: Annotated[
        Path | None, typer.Option(help="GroupLens folder or zip, or MovieTweetings folder.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    feedback_weights: Annotated[
        str,
        typer.Option(
            help='JSON as \'{"rating": [{"at_least": 4, "weight": 2}]}\': what ratings are worth '
            "in plays. Without it each rating of the data set is one play."
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Load a data set into the stack, train on all of it, and let the new model serve."""
    from recsysops.datasets.load import load_dataset
    from recsysops.model.feedback_weights import parse_feedback_weights
    from recsysops.workflows.load_world import load_world
    from recsysops.workflows.train_model import train_model

    weights = parse_feedback_weights(feedback_weights)
    dataset, ports = load_dataset(data), open_ports()
    now = datetime.now(UTC)
    with progress_bar() as bar:
        task = bar.add_task("loading", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        items = load_world(dataset.items, store=ports.items, progress=show)
        model_id = train_model(
            dataset.interactions,
            dataset.items,
            as_of=now,
            seed=seed,
            blobs=ports.blobs,
            members=ports.members,
            registry=ports.registry,
            trained_by="recsysops train",
            weights=weights,
            progress=show,
            lake=ports.lake,
        )
    answer = {
        "model_id": model_id,
        "items": items,
        **let_serve(ports, model_id, now=now, note="recsysops train"),
    }
    if as_json:
        print_json(answer)
    else:
        people.print(f"model {model_id} serves {items:,} items from snapshot {answer['delta_id']}")


def let_serve(ports: Ports, model_id: str, *, now: datetime, note: str) -> dict[str, str]:
    """Point scorers at a model and publish a snapshot made with it; returns both ids.

    Raises: DependencyError, ConflictError.
    """
    from recsysops.serving.roll_out import dump_model_pointer

    deployment = ports.model_deployer.deploy(
        dump_model_pointer(ModelPointer(model_id)), strategy="at-once", note=note
    )
    delta = ports.calls.call(ports.settings.publish_delta_function, {"as_of": now.isoformat()})
    return {"deployment_id": deployment, "delta_id": str(delta["delta_id"])}
