"""Old log lines must still decode and replay; `python -m tests.unit.workflows.test_golden_record`
writes the file of a NEW schema version, files of older versions are never touched."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from recsysops.adapters.memory import MemoryBlobs
from recsysops.request_log.records import SCHEMA_VERSION, FullRequest, SlimRequest
from recsysops.request_log.schema import decode_record, to_row
from recsysops.serving.replay import refuse_changed_inputs
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.replay_requests import replay_requests

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = sorted(GOLDEN.glob("requests_v*.json"))


def test_the_present_schema_version_has_its_golden_file() -> None:
    assert GOLDEN / f"requests_v{SCHEMA_VERSION}.json" in FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_records_still_decode_and_replay(path: Path) -> None:
    golden = json.loads(path.read_text())
    records = [decode_record(FullRequest, row) for row in golden["full_requests"]]
    assert len(records) == 4
    for record in records:
        refuse_changed_inputs(record)
    blobs = {key: base64.b64decode(body) for key, body in golden["blobs"].items()}
    report = replay_requests(records, cache=CatalogueCache(MemoryBlobs(blobs)))
    assert [(r.outcome, r.reason) for r in report.requests if r.outcome == "refused"] == []
    assert report.holds
    assert {record.arm for record in records} == {"greedy", "explore"}
    assert any(record.hotfix_ids for record in records)
    assert {record.member_known for record in records} == {True, False}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_slim_lines_still_decode(path: Path) -> None:
    golden = json.loads(path.read_text())
    lines = [decode_record(SlimRequest, row) for row in golden["slim_requests"]]
    assert [line.request_id for line in lines] == ["g-0", "g-1", "g-2", "g-3"]


def test_the_present_version_names_countries_and_older_lines_read_as_none() -> None:
    countries = {
        path.stem: [
            decode_record(SlimRequest, row).country
            for row in json.loads(path.read_text())["slim_requests"]
        ]
        for path in FILES
    }
    assert countries["requests_v2"] == [None] * 4
    assert countries["requests_v3"] == ["SE", None, None, None]


def write_golden() -> None:
    """Serve four requests in a small world and keep log and bucket."""
    from recsysops.vocabulary import SamplingPlan

    from tests.fakes.busy_log import deploy
    from tests.fakes.served_world import make_world
    from tests.fakes.small_catalogue import make_hotfix

    world = make_world(60)
    world.recommend("g-0", "m1", context={"country": "SE", "device": "tv"})
    world.recommend("g-1", "nobody", candidates=["i0001", "i0002", "ghost"], surface="item")
    world.flags.plan = SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=1.0)
    filters = {"genres_any": ["Action", "Drama"], "max_price": 15.0}
    world.recommend("g-2", "m2", limit=5, exclude=["i0007"], filters=filters)
    values = {"i0004": "ja", "i0005": None}
    deploy(world, make_hotfix("override_feature", {"feature": "language", "values": values}))
    world.recommend("g-3", "m3", surface="search")
    objects = world.blobs.objects
    golden = {
        "slim_requests": [to_row(line) for line in world.slim()],
        "full_requests": [to_row(record) for record in world.full()],
        "blobs": {key: base64.b64encode(objects[key]).decode() for key in sorted(objects)},
    }
    path = GOLDEN / f"requests_v{SCHEMA_VERSION}.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    write_golden()
