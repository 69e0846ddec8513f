"""Commands of the incident book: list, show, ack, mitigate, resolve, link, reopen."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from recsysops.cli.connection import open_ports
from recsysops.cli.output import people, print_json, print_table
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput
from recsysops.vocabulary import Incident, IncidentStatus

if TYPE_CHECKING:
    from recsysops.detection.lifecycle import Act, Remark

app = typer.Typer(help="List incidents; show one with its evidence; say what was done about it.")

IncidentArgument = Annotated[str, typer.Argument(help="Incident id, as the list shows it.")]
NoteOption = Annotated[str, typer.Option(help="What to write into the incident's story.")]


@app.callback(invoke_without_command=True)
def incidents(
    context: typer.Context,
    status: Annotated[
        str | None, typer.Option(help="open, acknowledged, mitigated, resolved, reopened")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List incidents, newest first."""
    if context.invoked_subcommand is not None:
        return
    wanted = _status(status)
    found = open_ports().incidents.list_incidents(wanted)
    if as_json:
        print_json(found)
    else:
        print_table("incidents", [_row(incident) for incident in found])


@app.command()
def show(
    incident_id: IncidentArgument,
    html: Annotated[
        Path | None, typer.Option(help="Write the page with its plots to this file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show an incident as its operator needs it: evidence, slices, who is affected, the past."""
    from recsysops.cli.incident_page import read_page, render_page, show_page

    page = read_page(incident_id, open_ports().incidents)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(render_page(page))
    if as_json:
        print_json(page)
    else:
        show_page(page)
        if html is not None:
            people.print(f"page: {html}")


@app.command()
def ack(incident_id: IncidentArgument, note: NoteOption = "", as_json: JsonFlag = False) -> None:
    """Take an incident: somebody works on it."""
    _act(incident_id, "acknowledge", note, as_json=as_json)


@app.command()
def mitigate(
    incident_id: IncidentArgument, note: NoteOption = "", as_json: JsonFlag = False
) -> None:
    """Say that members are protected; the cause is still there."""
    _act(incident_id, "mitigate", note, as_json=as_json)


@app.command()
def resolve(
    incident_id: IncidentArgument, note: NoteOption = "", as_json: JsonFlag = False
) -> None:
    """Close an incident; a mitigated one needs a linked long-term fix that has landed."""
    _act(incident_id, "resolve", note, as_json=as_json)


@app.command()
def reopen(incident_id: IncidentArgument, note: NoteOption = "", as_json: JsonFlag = False) -> None:
    """Open a mitigated or resolved incident again."""
    _act(incident_id, "reopen", note, as_json=as_json)


@app.command()
def link(
    incident_id: IncidentArgument,
    url: Annotated[str, typer.Argument(help="Address or ticket of the long-term fix.")],
    landed: Annotated[bool, typer.Option("--landed", help="The fix has landed.")] = False,
    note: NoteOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Link the long-term fix of an incident, or say that it has landed."""
    from recsysops.workflows.note_on_incident import link_to_incident

    book = open_ports().incidents
    done = link_to_incident(incident_id, url, _remark(note), landed=landed, incidents=book)
    _tell(done, as_json=as_json)


def _act(incident_id: str, act: Act, note: str, *, as_json: bool) -> None:
    from recsysops.workflows.note_on_incident import act_on_incident

    book = open_ports().incidents
    _tell(act_on_incident(incident_id, act, _remark(note), incidents=book), as_json=as_json)


def _remark(note: str) -> Remark:
    from recsysops.detection.lifecycle import Remark

    return Remark(by=getpass.getuser(), at=datetime.now(UTC), note=note)


def _tell(incident: Incident, *, as_json: bool) -> None:
    if as_json:
        print_json(incident)
    else:
        last = incident.timeline[-1]
        people.print(f"{incident.incident_id} is {incident.status} ({last['event']} {last['at']})")


def _status(text: str | None) -> IncidentStatus | None:
    allowed: tuple[IncidentStatus, ...] = get_args(IncidentStatus)
    for status in allowed:
        if status == text:
            return status
    if text is not None:
        raise BadInput(f"status {text!r} is none of {', '.join(allowed)}")
    return None


def _row(incident: Incident) -> dict[str, object]:
    return {
        "id": incident.incident_id,
        "status": incident.status,
        "severity": incident.severity,
        "component": incident.component,
        "subject": incident.subject,
        "title": incident.title,
        "detected": incident.detected_at,
    }
