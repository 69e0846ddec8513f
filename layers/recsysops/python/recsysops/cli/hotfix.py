"""Commands of the hotfix menu: propose, preview, deploy, undo, kill, list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.operate import parse_optional_window
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag

app = typer.Typer(help="Hotfixes: propose, preview, deploy, undo, kill.", no_args_is_help=True)

IncidentArgument = Annotated[str, typer.Argument(help="Incident that was diagnosed.")]
ChoiceOption = Annotated[int, typer.Option(help="Number of the proposal; 1 is best.", min=1)]
StrategyOption = Annotated[str, typer.Option(help="staged or at-once")]


@app.command()
def menu(incident_id: IncidentArgument, as_json: JsonFlag = False) -> None:
    """Propose hotfixes for a diagnosed incident, best first; nothing is deployed."""
    from recsysops.cli.hotfix_menu import proposal_row, propose

    ports = open_ports()
    proposals = propose(ports, ports.incidents.get(incident_id))
    rows = [proposal_row(proposal) for proposal in proposals]
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
    from recsysops.cli.hotfix_menu import pick, propose, show_preview
    from recsysops.workflows.preview_hotfix import preview_hotfix, read_window, vectors_of

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
    from recsysops.cli.hotfix_menu import change, hotfix_ports, pick, propose, served_items, tell
    from recsysops.workflows.deploy_hotfix import deploy_hotfix
    from recsysops.workflows.note_on_incident import note_on_incident

    ports = open_ports()
    incident = ports.incidents.get(incident_id)
    proposal = pick(propose(ports, incident, percent=percent, hours=hours), choice)
    done = deploy_hotfix(
        proposal.hotfix,
        ports=hotfix_ports(ports),
        change=change(strategy),
        known_items=served_items(ports),
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
    tell(done, as_json=as_json)


@app.command()
def undo(
    hotfix_id: Annotated[str, typer.Argument(help="Hotfix to take back.")],
    strategy: StrategyOption = "at-once",
    as_json: JsonFlag = False,
) -> None:
    """Take one hotfix back; scores return exactly to what they were."""
    from recsysops.cli.hotfix_menu import change, hotfix_ports, reopen, tell
    from recsysops.resolution.deployment import read_current
    from recsysops.workflows.deploy_hotfix import undo_hotfix

    ports = open_ports()
    before = read_current(ports.hotfix_deployer.current()).hotfixes
    done = undo_hotfix(hotfix_id, ports=hotfix_ports(ports), change=change(strategy))
    eased = [one.incident_id for one in before if one.hotfix_id == hotfix_id and one.incident_id]
    reopen(eased, ports=ports, done=done)
    tell(done, as_json=as_json)


@app.command()
def kill(as_json: JsonFlag = False) -> None:
    """Stop whatever is being deployed and take every hotfix back at once."""
    from recsysops.cli.hotfix_menu import change, hotfix_ports, reopen, tell
    from recsysops.workflows.deploy_hotfix import kill_hotfixes

    ports = open_ports()
    done = kill_hotfixes(ports=hotfix_ports(ports), change=change("at-once"))
    mitigated = [one.incident_id for one in ports.incidents.list_incidents("mitigated")]
    reopen(mitigated, ports=ports, done=done)
    tell(done, as_json=as_json)


@app.command(name="list")
def list_deployed(as_json: JsonFlag = False) -> None:
    """Show the hotfixes that are deployed, and the newest deployment."""
    from recsysops.cli.hotfix_menu import hotfix_ports
    from recsysops.resolution.deployment import read_current
    from recsysops.workflows.deploy_hotfix import confirm_deployed

    ports = open_ports()
    confirm_deployed(hotfix_ports(ports))
    deployer = ports.hotfix_deployer
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
    newest = (f"{name.replace('_', ' ')} {told}" for name, told in deployer.status().items())
    people.print(f"newest: {', '.join(newest) or 'nothing was ever deployed'}")
