"""Every fault of the demo is found and named exactly, and a quiet world stays quiet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from recsysops.simulation.fault_names import FAULT_NAMES, FaultName

from tests.integration.story.conftest import Told

pytestmark = pytest.mark.xdist_group("story")
TellFault = Callable[[FaultName], Told]


@pytest.mark.parametrize("fault", [name for name in FAULT_NAMES if name != "none"])
def test_a_fault_is_found_and_named_exactly_and_its_requests_repeat(
    tell_fault: TellFault, fault: FaultName
) -> None:
    row = tell_fault(fault).row
    assert row.ok, row
    assert row.incidents >= 1
    assert row.jaccard >= 0.8
    assert row.bit_equal == row.replayed > 0


def test_a_day_without_a_fault_opens_no_incident(tell_fault: TellFault) -> None:
    row = tell_fault("none").row
    assert row.ok, row
    assert row.incidents == 0
