"""Commands of the model roll-out: list, canary, shadow, serve, promote, rollback, compare."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.hotfix import StrategyOption
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag

if TYPE_CHECKING:
    from recsysops.bootstrap import Ports
    from recsysops.workflows.compare_models import Estimate, ModelComparison
    from recsysops.workflows.roll_out_model import DeployedPointer, RollOutChange, RollOutPorts

app = typer.Typer(
    help="List the models; bring one to members (canary, promote, shadow), take it back, compare."
)

ModelArgument = Annotated[str, typer.Argument(help="Model id, as 'recsysops models' lists it.")]


@app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the models of the registry, newest first."""
    if context.invoked_subcommand is not None:
        return
    entries = open_ports().registry.entries()
    if as_json:
        print_json(entries)
        return
    print_table(
        "models",
        [
            {"model": e.model_id, "status": e.status, "trained": e.trained_at, **e.metrics}
            for e in entries
        ],
        columns=["model", "status", "trained", *sorted({k for e in entries for k in e.metrics})],
    )


@app.command()
def canary(
    model_id: ModelArgument,
    percent: Annotated[float, typer.Option(help="Share of members, at most 50.")] = 5.0,
    salt: Annotated[
        str | None, typer.Option(help="Name of the roll-out; another one draws other members.")
    ] = None,
    strategy: StrategyOption = "staged",
    as_json: JsonFlag = False,
) -> None:
    """Serve a share of the members with a model, beside a control of the same size."""
    from recsysops.vocabulary import Canary
    from recsysops.workflows.roll_out_model import start_canary

    now = datetime.now(UTC)
    chosen = Canary(model_id, percent, salt or f"{model_id[:40]}-{now:%Y%m%dT%H%M%SZ}")
    done = start_canary(chosen, ports=_ports(open_ports()), change=_change(strategy, now))
    _tell(done, as_json=as_json)


@app.command()
def shadow(
    model_id: Annotated[str | None, typer.Argument(help="Model id; none ends the shadow.")] = None,
    share: Annotated[float, typer.Option(help="Share of requests to score.")] = 0.1,
    strategy: StrategyOption = "at-once",
    as_json: JsonFlag = False,
) -> None:
    """Score a share of the requests with a model, after their response; nobody is shown it."""
    from recsysops.vocabulary import Shadow
    from recsysops.workflows.roll_out_model import start_shadow

    chosen = None if model_id is None else Shadow(model_id, share)
    done = start_shadow(chosen, ports=_ports(open_ports()), change=_change(strategy))
    _tell(done, as_json=as_json)


@app.command()
def serve(
    surface: Annotated[str, typer.Argument(help="Surface, as requests name it.")],
    model_id: Annotated[
        str | None, typer.Argument(help="Model id; none gives the surface back to production.")
    ] = None,
    strategy: StrategyOption = "staged",
    as_json: JsonFlag = False,
) -> None:
    """Serve a surface with a model of its own, beside production."""
    from recsysops.workflows.roll_out_model import serve_surface

    ports = _ports(open_ports())
    _tell(serve_surface(surface, model_id, ports=ports, change=_change(strategy)), as_json=as_json)


@app.command()
def promote(
    model_id: Annotated[str | None, typer.Argument(help="Model id; none takes the canary.")] = None,
    strategy: StrategyOption = "staged",
    as_json: JsonFlag = False,
) -> None:
    """Make a model production; the one before stays loaded behind it."""
    from recsysops.workflows.roll_out_model import promote_model

    done = promote_model(model_id, ports=_ports(open_ports()), change=_change(strategy))
    _tell(done, as_json=as_json)


@app.command()
def rollback(as_json: JsonFlag = False) -> None:
    """End the canary, else return to the previous model; stops a running deployment, at once."""
    from recsysops.workflows.roll_out_model import roll_back

    _tell(roll_back(ports=_ports(open_ports()), change=_change("at-once")), as_json=as_json)


@app.command()
def compare(
    model_id: ModelArgument,
    start: Annotated[str, typer.Option("--from", help="Start of the window.")],
    end: Annotated[str, typer.Option("--to", help="End of the window.")],
    as_json: JsonFlag = False,
) -> None:
    """Compare a model with the serving one: in shadow, and as canary with its control."""
    from recsysops.cli.operate import parse_window
    from recsysops.workflows.compare_models import compare_models
    from recsysops.workflows.roll_out_model import read_pointer, require_registered

    window, ports = parse_window(start, end), open_ports()
    require_registered(model_id, ports.registry)
    running = read_pointer(_ports(ports)).canary
    roll_out_id = running.salt if running and running.model_id == model_id else None
    found = compare_models(model_id, window, roll_out_id=roll_out_id, queries=ports.queries)
    print_json(found.to_document()) if as_json else _show(found)


def _ports(ports: Ports) -> RollOutPorts:
    from recsysops.workflows.roll_out_model import RollOutPorts

    return RollOutPorts(
        deployer=ports.model_deployer,
        registry=ports.registry,
        catalogues=ports.catalogues,
        members=ports.members,
        trail=ports.trail,
    )


def _change(strategy: str, now: datetime | None = None) -> RollOutChange:
    from recsysops.cli.hotfix_menu import read_strategy
    from recsysops.workflows.roll_out_model import RollOutChange

    return RollOutChange(getpass.getuser(), now or datetime.now(UTC), read_strategy(strategy))


def _tell(done: DeployedPointer, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    pointer = done.pointer
    people.print(f"deployment {done.deployment_id}: production {pointer.production}")
    if pointer.previous:
        people.print(f"  previous {pointer.previous}")
    if pointer.canary:
        people.print(
            f"  canary {pointer.canary.model_id}, {pointer.canary.percent:g} % of members and as "
            f"many in control, roll-out {pointer.canary.salt}"
        )
    for surface, model_id in pointer.surfaces.items():
        people.print(f"  surface {surface} is served by {model_id}")
    for difference in done.differences:
        people.print(f"  differs from what served: {difference}")
    if pointer.shadow:
        people.print(f"  shadow {pointer.shadow.model_id}, {pointer.shadow.share:.0%} of requests")


def _show(found: ModelComparison) -> None:
    people.print(
        f"{found.model_id}: {found.shadow_requests} requests in shadow, {found.canary_requests} as "
        f"canary, {found.control_requests} in control"
    )
    named: dict[str, Estimate | None] = {
        "agreement@10": found.agreement_at_10,
        "rank correlation": found.rank_correlation,
        "plays per 1,000 (shadow)": found.expected_plays,
        "plays per 1,000 (canary - control)": found.canary_plays,
    }
    rows = [
        {"what": name, "value": one.value, "90 % from": one.low, "to": one.high}
        for name, one in named.items()
        if one is not None
    ]
    print_table("compared with the serving model", rows)
    if watch := found.canary_watch:
        people.print(
            f"at this look, and at all looks since the roll-out began: {watch.verdict} "
            f"({watch.low:+.1f} to {watch.high:+.1f} plays per 1,000, p = {watch.p_value:.2g})"
        )
    for refusal in found.refusals:
        people.print(f"refused: {refusal}")
