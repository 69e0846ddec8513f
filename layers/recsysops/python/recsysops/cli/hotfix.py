"""Commands of the hotfix menu: propose, preview, deploy, undo, kill, list."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from recsysops.bootstrap import Ports
from recsysops.cli.connection import open_ports
from recsysops.cli.operate import parse_optional_window
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput
from recsysops.experiments.intervals import Interval
from recsysops.resolution.deployment import read_current
from recsysops.resolution.proposal import LastGood, Proposal, ProposalTerms, propose_hotfixes
from recsysops.vocabulary import Incident
from recsysops.workflows.deploy_hotfix import (
    DeployedHotfixes,
    HotfixChange,
    HotfixPorts,
    Strategy,
    deploy_hotfix,
    kill_hotfixes,
    undo_hotfix,
)
from recsysops.workflows.load_catalogue import load_delta, read_delta_pointer
from recsysops.workflows.note_on_incident import note_on_incident
from recsysops.workflows.preview_hotfix import (
    HotfixPreview,
    preview_hotfix,
    read_window,
    vectors_of,
)

app = typer.Typer(help="Hotfixes: propose, preview, deploy, undo, kill.", no_args_is_help=True)

IncidentArgument = Annotated[str, typer.Argument(help="Incident that was diagnosed.")]
ChoiceOption = Annotated[int, typer.Option(help="Number of the proposal; 1 is best.", min=1)]
StrategyOption = Annotated[str, typer.Option(help="staged or at-once")]


@app.command()
def menu(incident_id: IncidentArgument, as_json: JsonFlag = False) -> None:
    """Propose hotfixes for a diagnosed incident, best first; nothing is deployed."""
    ports = open_ports()
    proposals = propose(ports, ports.incidents.get(incident_id))
    rows = [_proposal_row(proposal) for proposal in proposals]
    print_json(rows) if as_json else print_table("hotfix menu", rows)


@app.command()
def preview(
    incident_id: IncidentArgument,
    choice: ChoiceOption = 1,
    start: Annotated[str | None, typer.Option("--from", help="Start of the logged window.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the logged window.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Replay logged requests with and without a hotfix: who is touched, what it costs."""
    ports = open_ports()
    incident = ports.incidents.get(incident_id)
    window = parse_optional_window(start, end) or incident.window
    proposal = pick(propose(ports, incident), choice)
    logged = read_window(ports.queries, window, kind="play")
    members = [member.member_id for member in ports.members.scan()]
    found = preview_hotfix(
        proposal.hotfix,
        window=logged,
        catalogues=ports.catalogues,
        member_vectors=vectors_of(members, ports.members, ports.catalogues),
    )
    print_json(found.to_document()) if as_json else show_preview(found)


@app.command()
def deploy(
    incident_id: IncidentArgument,
    choice: ChoiceOption = 1,
    percent: Annotated[float, typer.Option(min=0, max=100, help="Share of members.")] = 100.0,
    hours: Annotated[float, typer.Option(min=0.1, max=720, help="Life of the hotfix.")] = 24.0,
    strategy: StrategyOption = "staged",
    as_json: JsonFlag = False,
) -> None:
    """Deploy a proposed hotfix; the incident becomes 'mitigated'."""
    ports = open_ports()
    incident = ports.incidents.get(incident_id)
    proposal = pick(propose(ports, incident, percent=percent, hours=hours), choice)
    done = deploy_hotfix(
        proposal.hotfix,
        ports=hotfix_ports(ports),
        change=_change(_strategy(strategy)),
        known_items=_served_items(ports),
        known_models=[entry.model_id for entry in ports.registry.entries()],
    )
    note_on_incident(
        incident_id,
        incidents=ports.incidents,
        event="hotfix_deployed",
        note=f"{proposal.hotfix.hotfix_id} in deployment {done.deployment_id}",
        at=datetime.now(UTC),
        status="mitigated",
    )
    _tell(done, as_json=as_json)


@app.command()
def undo(
    hotfix_id: Annotated[str, typer.Argument(help="Hotfix to take back.")],
    strategy: StrategyOption = "at-once",
    as_json: JsonFlag = False,
) -> None:
    """Take one hotfix back; scores return exactly to what they were."""
    ports = open_ports()
    before = read_current(ports.hotfix_deployer.current()).hotfixes
    done = undo_hotfix(hotfix_id, ports=hotfix_ports(ports), change=_change(_strategy(strategy)))
    eased = [one.incident_id for one in before if one.hotfix_id == hotfix_id and one.incident_id]
    _reopen(eased, ports=ports, done=done)
    _tell(done, as_json=as_json)


@app.command()
def kill(as_json: JsonFlag = False) -> None:
    """Stop whatever is being deployed and take every hotfix back at once."""
    ports = open_ports()
    done = kill_hotfixes(ports=hotfix_ports(ports), change=_change("at-once"))
    mitigated = [one.incident_id for one in ports.incidents.list_incidents("mitigated")]
    _reopen(mitigated, ports=ports, done=done)
    _tell(done, as_json=as_json)


@app.command(name="list")
def list_deployed(as_json: JsonFlag = False) -> None:
    """Show the hotfixes that are deployed, and the newest deployment."""
    deployer = open_ports().hotfix_deployer
    document = read_current(deployer.current())
    if as_json:
        print_json({"document": document, "deployment": dict(deployer.status())})
        return
    rows = [
        {
            "hotfix": one.hotfix_id,
            "kind": one.kind,
            "percent": one.percent,
            "owner": one.owner,
            "expires": one.expires_at,
            "incident": one.incident_id,
        }
        for one in document.hotfixes
    ]
    print_table(f"hotfixes, document {document.version}", rows)
    people.print(dict(deployer.status()))


def propose(
    ports: Ports, incident: Incident, *, percent: float = 100.0, hours: float = 24.0
) -> tuple[Proposal, ...]:
    """Return the menu for an incident from its stored diagnosis.

    Raises: BadInput when it was not diagnosed yet, or nothing on the menu would help.
    """
    if incident.diagnosis is None:
        raise BadInput(
            f"{incident.incident_id} is not diagnosed; "
            f"run 'recsysops diagnose {incident.incident_id}'"
        )
    evidence = incident.diagnosis["evidence"]
    deltas = evidence["deltas"] if isinstance(evidence, dict) else {}
    models = evidence["models"] if isinstance(evidence, dict) else {}
    good, served = load_delta(ports.blobs, deltas["before"]), load_delta(ports.blobs, deltas["now"])
    proposals = propose_hotfixes(
        incident.diagnosis,
        last_good=LastGood(
            items={item.item_id: item for item in good.items}, model_id=models["before"]
        ),
        terms=ProposalTerms(owner=_operator(), now=datetime.now(UTC), percent=percent, hours=hours),
        served={item.item_id: item for item in served.items},
    )
    if not proposals:
        raise BadInput(f"nothing on the menu helps against {incident.diagnosis['summary']}")
    return proposals


def pick(proposals: Sequence[Proposal], choice: int) -> Proposal:
    """Return one proposal by its number. Raises: BadInput."""
    if choice > len(proposals):
        raise BadInput(f"choice {choice} is none; the menu has 1 to {len(proposals)}")
    return proposals[choice - 1]


def hotfix_ports(ports: Ports) -> HotfixPorts:
    """Return what a change of hotfixes needs."""
    return HotfixPorts(deployer=ports.hotfix_deployer, blobs=ports.blobs, trail=ports.trail)


def show_preview(found: HotfixPreview) -> None:
    """Print a preview for people."""
    people.print(f"[bold]{found.hotfix.hotfix_id}[/bold]: {found.trade_off}")
    people.print(f"{found.replayed} of {found.requests} requests replayed")
    print_table("order", [asdict(found.order)])
    print_table("exposure moved between groups", [asdict(m) for m in found.exposure_moves[:8]])
    if found.expected is None:
        people.print(f"expected plays: refused, {found.refusal}")
    else:
        expected = found.expected
        people.print(f"expected {expected.kind}s per 1,000 requests, by {expected.method}:")
        for name in ("now", "new", "difference"):
            people.print(f"  {name:<11}{_interval_text(getattr(expected, name))}")
        people.print(f"  assumes {expected.assumptions}")
    people.print(f"undo: {found.undo}")


def _interval_text(interval: Interval) -> str:
    return f"{interval.value:8.1f}   (90 %: {interval.low:.1f} to {interval.high:.1f})"


def _reopen(incident_ids: Iterable[str], *, ports: Ports, done: DeployedHotfixes) -> None:
    """Open mitigated incidents again whose hotfix was taken back: nothing mitigates them now."""
    for incident_id in sorted(set(incident_ids)):
        if ports.incidents.get(incident_id).status == "mitigated":
            note_on_incident(
                incident_id,
                incidents=ports.incidents,
                event="hotfix_taken_back",
                note=f"in deployment {done.deployment_id}",
                at=datetime.now(UTC),
                status="open",
            )


def _served_items(ports: Ports) -> list[str]:
    pointer = read_delta_pointer(ports.blobs)
    return [item.item_id for item in load_delta(ports.blobs, pointer.delta_id).items]


def _change(strategy: Strategy) -> HotfixChange:
    return HotfixChange(operator=_operator(), now=datetime.now(UTC), strategy=strategy)


def _strategy(text: str) -> Strategy:
    allowed: tuple[Literal["staged", "at-once"], ...] = ("staged", "at-once")
    for strategy in allowed:
        if strategy == text:
            return strategy
    raise BadInput(f"strategy {text!r} is none of staged, at-once")


def _operator() -> str:
    return getpass.getuser()


def _proposal_row(proposal: Proposal) -> dict[str, object]:
    hotfix = proposal.hotfix
    return {
        "choice": proposal.rank,
        "hotfix": hotfix.hotfix_id,
        "kind": hotfix.kind,
        "why": proposal.why,
        "trade_off": proposal.trade_off,
    }


def _tell(done: DeployedHotfixes, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
    else:
        people.print(f"deployment {done.deployment_id}: {done.previous_version} → {done.version}")
