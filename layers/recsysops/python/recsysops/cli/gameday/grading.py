"""The grader: alone it reads what a fault file expects, and compares it with the incident book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recsysops.detection.catalogue import find_audit
from recsysops.errors import BadInput
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.fault_file import FaultFile, Magnitude
from recsysops.simulation.gauntlet.world import WorldKind
from recsysops.vocabulary import Incident

FIRST_FINDINGS = 5
"""An incident's page shows so many findings first; the slice must be among them."""
NO_FAULT = "none"


@dataclass(frozen=True, slots=True)
class WorldRow:
    """What became of one world.

    windows: how many windows of the audit that found it, from the injection on; None when not
    found. false_incidents: those of a quiet week, or before the injection. said: titles of
    what was opened.
    """

    fault: str
    magnitude: Magnitude | None
    seed: int
    world: WorldKind
    found: bool
    windows: int | None
    false_incidents: int
    slice: dict[str, str]
    said: tuple[str, ...] = ()

    @property
    def was_wrong(self) -> bool:
        """Cried wolf, or missed a fault that is promised to be found: small ones are not."""
        return bool(self.false_incidents) or (
            self.magnitude in ("middle", "large") and not self.found
        )


def published_floor(fault: FaultFile) -> float:
    """Return the effect floor that scales a fault. Raises: BadInput when none is published."""
    scale = fault.magnitude
    try:
        floors = find_audit(scale.audit).floors
    except BadInput as error:
        raise BadInput(f"{fault.called}: magnitude.audit: {error}") from error
    if scale.metric not in floors:
        raise BadInput(
            f"{fault.called}: magnitude.metric: audit {scale.audit} publishes no floor of "
            f"{scale.metric!r}; it has {sorted(floors)}"
        )
    floor = scale.floor or floors[scale.metric]
    if floor <= 0:
        raise BadInput(
            f"{fault.called}: magnitude.floor: that of {scale.metric} is 0; name one in the file"
        )
    return floor


def is_right(incident: Incident, fault: ActiveFault) -> bool:
    """Tell whether an incident names the fault's component, subject and slice."""
    expected = fault.fault.expected
    if incident.component not in expected.component:
        return False
    if expected.subject and incident.subject not in expected.subject:
        return False
    shown = incident.findings[:FIRST_FINDINGS]
    return all(
        any(finding.slice.get(name) == value for finding in shown)
        for name, value in fault.slice.items()
    )


def tell(incidents: Sequence[Incident]) -> tuple[str, ...]:
    """Return one line per incident: component, subject, and what its first finding says."""
    return tuple(
        f"{one.component}/{one.subject}: {one.title} "
        f"[{one.findings[0].audit} {dict(one.findings[0].slice)}]"
        for one in incidents
    )
