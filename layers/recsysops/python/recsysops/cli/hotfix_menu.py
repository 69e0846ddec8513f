"""What the hotfix commands do with the ports of a stack: propose, tell, take note, reopen."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import get_args

from recsysops.bootstrap import Ports
from recsysops.cli.output import people, print_json, print_table
from recsysops.errors import BadInput
from recsysops.experiments.intervals import Interval
from recsysops.resolution.proposal import LastGood, Proposal, ProposalTerms, propose_hotfixes
from recsysops.vocabulary import Incident
from recsysops.workflows.deploy_hotfix import (
    DeployedHotfixes,
    HotfixChange,
    HotfixPorts,
    Strategy,
)
from recsysops.workflows.load_catalogue import load_delta, read_delta_pointer
from recsysops.workflows.note_on_incident import note_on_incident
from recsysops.workflows.preview_hotfix import HotfixPreview


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
    people.print(found.hotfix.hotfix_id, style="bold", end=": ")
    people.print(found.trade_off)
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


def reopen(incident_ids: Iterable[str], *, ports: Ports, done: DeployedHotfixes) -> None:
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


def served_items(ports: Ports) -> list[str]:
    """Return the ids of all items in the snapshot that is served."""
    pointer = read_delta_pointer(ports.blobs)
    return [item.item_id for item in load_delta(ports.blobs, pointer.delta_id).items]


def change(strategy: str) -> HotfixChange:
    """Return who changes the flags, now, and how fast. Raises: BadInput."""
    return HotfixChange(
        operator=_operator(), now=datetime.now(UTC), strategy=read_strategy(strategy)
    )


def proposal_row(proposal: Proposal) -> dict[str, object]:
    """Return a proposal as a line of the menu."""
    hotfix = proposal.hotfix
    return {
        "choice": proposal.rank,
        "hotfix": hotfix.hotfix_id,
        "kind": hotfix.kind,
        "why": proposal.why,
        "trade_off": proposal.trade_off,
    }


def tell(done: DeployedHotfixes, *, as_json: bool) -> None:
    """Print what was deployed."""
    if as_json:
        print_json(asdict(done))
    else:
        people.print(f"deployment {done.deployment_id}: {done.previous_version} → {done.version}")


def _interval_text(interval: Interval) -> str:
    return f"{interval.value:8.1f}   (90 %: {interval.low:.1f} to {interval.high:.1f})"


def _operator() -> str:
    return getpass.getuser()


def read_strategy(text: str) -> Strategy:
    """Read a strategy. Raises: BadInput."""
    allowed: tuple[Strategy, ...] = get_args(Strategy)
    for strategy in allowed:
        if strategy == text:
            return strategy
    raise BadInput(f"strategy {text!r} is none of {', '.join(allowed)}")
