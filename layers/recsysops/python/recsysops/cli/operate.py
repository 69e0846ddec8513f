"""Commands of everyday operation: recommend, audit, incidents, diagnose, replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from recsysops.cli.connection import open_ports, stage_ports
from recsysops.cli.output import people, print_json, print_table, progress_console
from recsysops.cli.stage import JsonFlag
from recsysops.errors import BadInput
from recsysops.vocabulary import Window

MomentOption = Annotated[str | None, typer.Option(help="ISO moment, UTC when no zone is given.")]


def parse_moment(text: str) -> datetime:
    """Read an ISO moment as UTC, which it is without a zone. Raises: BadInput."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no ISO moment, e.g. 2026-11-20T00:00") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_window(start: str, end: str) -> Window:
    """Read a window. Raises: BadInput when it is empty or a moment is none."""
    window = Window(parse_moment(start), parse_moment(end))
    if window.start >= window.end:
        raise BadInput(f"window from {start} to {end} is empty")
    return window


def parse_optional_window(start: str | None, end: str | None) -> Window | None:
    """Read a window, None when neither end is given. Raises: BadInput when only one is."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise BadInput("a window needs both --from and --to")
    return parse_window(start, end)


def recommend(
    member_id: Annotated[str, typer.Argument(help="Member to recommend for.")],
    limit: Annotated[int, typer.Option(min=1, max=50)] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Ask the deployed API for recommendations."""
    body = {"member_id": member_id, "limit": limit}
    answer = open_ports().api.call("POST", "/v1/recommendations", body)
    if as_json:
        print_json(answer)
        return
    items = answer["items"]
    shown = ("position", "item_id", "score")
    print_table(f"for {member_id}", items if isinstance(items, list) else [], columns=shown)
    reason = f" because {answer['fallback_reason']}" if answer["fallback_reason"] else ""
    people.print(f"{answer['status']}{reason} · model {answer['model_id']} · {answer['delta_id']}")


def audit(
    start: Annotated[str, typer.Option("--from", help="Start of the window.")],
    end: Annotated[str, typer.Option("--to", help="End of the window.")],
    reference_start: Annotated[str, typer.Option("--reference-from")],
    reference_end: Annotated[str, typer.Option("--reference-to")],
    as_json: JsonFlag = False,
) -> None:
    """Run the state machine `audit` over an explicit window and wait for it."""
    from recsysops.detection.context import name_windows

    window = parse_window(start, end)
    reference = parse_window(reference_start, reference_end)
    ports = open_ports()
    with progress_console.status("audit") as shown:
        answer = ports.runs.run(
            ports.settings.audit_state_machine_arn,
            name_windows(window, reference=reference),
            progress=lambda state, seconds: shown.update(f"audit: {state} {seconds:.0f} s"),
        )
    print_json(answer) if as_json else people.print(_say_report(answer))


def _say_report(answer: Mapping[str, object]) -> str:
    """Return an audit's report in a few lines."""
    told = {name: answer.get(name) or [] for name in ("opened", "renamed", "continued", "cleared")}
    lines = [f"{name}: {', '.join(map(str, told[name])) or 'none'}" for name in told]  # type: ignore[call-overload]
    unjudged = answer.get("unjudged")
    if isinstance(unjudged, Mapping):
        lines += [f"{audit}: {reason}" for audit, reason in unjudged.items()]
    return "\n".join([f"{answer.get('tested')} tests", *lines])


def diagnose(
    incident_id: Annotated[str, typer.Argument(help="Incident to diagnose.")],
    as_json: JsonFlag = False,
) -> None:
    """Name what an incident comes from: input or model, which one, which items; with evidence."""
    from recsysops.cli.story.diagnosing import diagnose as diagnose_with
    from recsysops.workflows.note_on_incident import keep_diagnosis

    ports = open_ports()
    incident = ports.incidents.get(incident_id)
    found = diagnose_with(incident, stage_ports(ports), ports.catalogues)
    keep_diagnosis(
        incident_id, found.to_document(), at=datetime.now(UTC), incidents=ports.incidents
    )
    if as_json:
        print_json(found)
        return
    people.print(f"{found.verdict}: {found.summary}", style="bold")
    people.print(
        f"replayed {found.replay.bit_equal} of {found.replay.records} logged requests bit for bit"
    )
    print_table("slices of the odd items", [_slice_row(one) for one in found.slices])
    for suspicion in found.suspicions:
        named = f"{suspicion.feature}: {len(suspicion.item_ids)} items"
        people.print("; ".join([named, *_say(suspicion.evidence)]))
    queries = found.evidence["queries"]
    print_table("named queries", queries if isinstance(queries, list) else [])


def _say(evidence: Mapping[str, object]) -> Iterator[str]:
    for name, value in evidence.items():
        if name != "examples":
            yield f"{name.replace('_', ' ')} {value}"
        elif isinstance(value, list | tuple):
            yield f"e.g. {'; '.join(map(_say_example, value))}"


def _say_example(example: object) -> str:
    if not isinstance(example, Mapping):
        return str(example)
    return ", ".join(f"{name.replace('_', ' ')} {told}" for name, told in example.items())


def _slice_row(match: object) -> dict[str, object]:
    names = ("facet", "value", "items", "odd_items", "precision", "recall", "jaccard")
    return {name: getattr(match, name) for name in names}
