"""The first proposed hotfix gives members back what they would have got without the fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from recsysops.simulation.fault_names import FaultName

from tests.integration.story.conftest import Told, ToldBefore
from tests.integration.story.mending import name_cause, reach_next_day, serve_next_day

pytestmark = pytest.mark.xdist_group("story")


@pytest.mark.parametrize(
    "fault", ["wrong_model_pinned", "artefact_block_zeroed", "numeric_zero_filled"]
)
def test_the_day_after_the_hotfix_is_as_if_nothing_had_happened(
    tell_fault: Callable[[FaultName], Told], before: ToldBefore, fault: FaultName
) -> None:
    """A wrong model of other half-lives must be pinned away, though its snapshots are served."""
    told = tell_fault(fault)
    diagnosis = name_cause(told)
    reach_next_day(told, before, diagnosis)
    recovery = serve_next_day(told, before, diagnosis, first=0, last=100)
    assert recovery.is_recovered
    assert recovery.protected == recovery.records > 10
