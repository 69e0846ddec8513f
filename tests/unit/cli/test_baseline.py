"""The frozen reference on the command line."""

import json

import pytest
from recsysops.adapters.memory import MemoryBlobs
from recsysops.bootstrap import Ports
from recsysops.detection.baseline import make_baseline
from recsysops.detection.catalogue import find_audit
from recsysops.workflows.pin_reference import find_pinned

from tests.unit.cli.conftest import RunCli


@pytest.fixture
def bucket(ports: Ports) -> Ports:
    ports.blobs = MemoryBlobs()
    return ports


def test_a_stretch_is_frozen_and_what_is_kept_of_it_is_shown(
    run_cli: RunCli, bucket: Ports
) -> None:
    assert "no reference is frozen" in run_cli("baseline").out
    window = ("--from", "2026-03-01", "--to", "2026-03-08")
    said = run_cli("baseline", "freeze", *window, "--reason", "before the sale").out
    assert "frozen: 2026-03-01 00:00 to 2026-03-08 00:00 UTC" in said
    pinned = find_pinned(bucket.blobs)
    assert pinned is not None
    row = {"period": "reference", "slice": "all", "label": "year=0"}
    bucket.baselines.keep(make_baseline(find_audit("feature_drift"), pinned.window, [row]))
    assert "before the sale" in run_cli("baseline").out
    told = json.loads(run_cli("baseline", "--json").out)
    assert told["pinned"]["reason"] == "before the sale"
    kept = {one["audit"]: (one["kept"], one["rows"]) for one in told["audits"]}
    assert kept["feature_drift"] == (True, 1)


@pytest.mark.usefixtures("bucket")
def test_a_stretch_of_the_future_is_no_reference(run_cli: RunCli) -> None:
    refused = run_cli("baseline", "freeze", "--from", "2026-03-01", "--to", "2126-03-08")
    assert refused.status == 2
    assert "of the past" in refused.err
