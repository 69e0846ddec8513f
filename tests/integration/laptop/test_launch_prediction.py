"""The state machine `predict_launches` on the deployed stage: dry run, lake, Athena."""

from __future__ import annotations

import pytest
from recsysops.bootstrap import Ports
from recsysops.cli.launches import read_forecasts
from recsysops.settings import settings_from_outputs

from tests.fakes.served_world import AS_OF
from tests.integration.laptop.conftest import Deployed
from tests.integration.workflows.test_predict_launches import (
    MISSING,
    SOUND,
    make_catalogue,
    make_stack,
)

pytestmark = pytest.mark.laptop


def test_the_state_machine_flags_the_launch_with_missing_metadata(laptop: Deployed) -> None:
    ports = Ports(settings_from_outputs(laptop.layout.outputs))
    world = make_stack(make_catalogue(90))
    for key in world.blobs.list_keys(""):
        ports.blobs.put(key, world.blobs.get(key))
    ports.members.put_many(world.members.scan())
    for entry in world.registry.entries():
        ports.registry.put(entry)
    answer = ports.runs.run(
        ports.settings.predict_launches_state_machine_arn, {"as_of": AS_OF.isoformat()}
    )
    assert answer["flagged"] == [MISSING]
    rows = read_forecasts(ports.queries)
    assert {(row.item_id, row.flagged) for row in rows} == {(SOUND, False), (MISSING, True)}
    assert "language is missing" in rows[0].reasons[0]
