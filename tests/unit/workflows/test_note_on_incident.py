from __future__ import annotations

import pytest
from recsysops.adapters.memory import MemoryIncidents
from recsysops.errors import NotFound
from recsysops.workflows.note_on_incident import note_on_incident

from tests.fakes.broken_world import BROKEN, make_incident


def test_a_note_adds_a_line_and_changes_the_status_only_when_asked() -> None:
    incidents = MemoryIncidents([make_incident(timeline=({"event": "paged"},))])
    incident_id = make_incident().incident_id
    noted = note_on_incident(
        incident_id, incidents=incidents, event="seen", note="by ada", at=BROKEN.end
    )
    line = {"at": BROKEN.end.isoformat(), "event": "seen", "note": "by ada"}
    assert noted == incidents.get(incident_id)
    assert (noted.status, noted.timeline) == ("open", ({"event": "paged"}, line))
    fixed = note_on_incident(
        incident_id,
        incidents=incidents,
        event="fixed",
        note="",
        at=BROKEN.end,
        status="mitigated",
    )
    assert (fixed.status, len(fixed.timeline)) == ("mitigated", 3)


def test_a_note_on_an_incident_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NotFound, match="inc-none"):
        note_on_incident(
            "inc-none", incidents=MemoryIncidents(), event="e", note="n", at=BROKEN.end
        )
