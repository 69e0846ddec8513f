"""Another recommender's traffic in our tables: labelled, auditable, compared, never served."""

from __future__ import annotations

import json
import re

import pytest
from recsysops.adapters.memory import MemoryDurableLog
from recsysops.detection.catalogue import AUDITS
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import ShadowRequest, SlimRequest
from recsysops.request_log.schema import decode_record
from recsysops.workflows.mirror_requests import MirrorPorts, MirrorReport, mirror_requests

from tests.fakes.served_world import NOW, ServedWorld, make_world


def line(number: int = 1, **changes: object) -> str:
    row = {
        "request_id": f"theirs-{number}",
        "member_id": "m1",
        "event_time": NOW.isoformat(),
        "model_id": "their-model",
        "items": [{"item_id": "i0001", "score": 2.5}, {"item_id": "i0002", "score": 1.5}],
    }
    return json.dumps({**row, **changes})


@pytest.fixture
def world() -> ServedWorld:
    return make_world(40)


@pytest.fixture
def log() -> MemoryDurableLog:
    return MemoryDurableLog()


def mirror(
    world: ServedWorld, log: MemoryDurableLog, *lines: str, rank: bool = False
) -> MirrorReport:
    catalogue = world.catalogue if rank else None
    return mirror_requests(lines, ports=MirrorPorts(log, world.members, catalogue))


def test_a_mirrored_request_is_a_slim_line_labelled_as_such(
    world: ServedWorld, log: MemoryDurableLog
) -> None:
    assert mirror(world, log, line(), "\n") == MirrorReport(1, 0, ())
    (row,) = log.rows("slim_requests")
    slim = decode_record(SlimRequest, row)
    assert (slim.traffic, slim.model_id, slim.full) == ("mirrored", "their-model", False)
    assert (slim.shown, slim.scores, slim.propensities) == (["i0001", "i0002"], [2.5, 1.5], [])
    assert slim.member == pseudonym_of("m1", salt="salt-1")
    assert log.rows("shadow_requests") == []


def test_a_member_of_theirs_gets_a_salt_here_and_keeps_it(
    world: ServedWorld, log: MemoryDurableLog
) -> None:
    mirror(world, log, line(1, member_id="newcomer"), line(2, member_id="newcomer"))
    names = {row["member"] for row in log.rows("slim_requests")}
    assert len(names) == 1
    assert world.members.get("newcomer") is not None


def test_our_model_ranks_the_same_request_without_anybody_seeing_it(
    world: ServedWorld, log: MemoryDurableLog
) -> None:
    ours = [item.item_id for item in world.recommend(limit=10).items]
    world.flags.plan = world.flags.plan
    mirror(world, log, line(items=[{"item_id": item} for item in ours]), rank=True)
    (row,) = log.rows("shadow_requests")
    shadow = decode_record(ShadowRequest, row)
    assert (shadow.traffic, shadow.model_id) == ("mirrored", "their-model")
    assert shadow.shadow_model_id == world.artefact.model_id
    assert shadow.agreement_at_10 >= 0.9
    assert shadow.rank_correlation is None


BAD = [
    "{",
    "[]",
    line(member_id="a b"),
    line(request_id="'; DROP TABLE"),
    line(event_time="2026-03-02T12:00:00"),
    line(items=[{"item_id": "i1", "score": 1e300}]),
    line(items=[{"item_id": f"i{n}"} for n in range(51)]),
    '{"items": [NaN]}',
    "x" * 300_000,
]


def test_bad_lines_are_told_by_number_and_the_others_are_written(
    world: ServedWorld, log: MemoryDurableLog
) -> None:
    report = mirror(world, log, line(1), *BAD, line(2))
    assert (report.written, report.refused) == (2, len(BAD))
    assert [problem.split(":")[0] for problem in report.problems] == [
        f"line {number}" for number in range(2, 2 + len(BAD))
    ]
    assert all("\n" not in problem and len(problem) < 300 for problem in report.problems)


def test_many_lines_go_in_batches_and_none_is_lost(
    world: ServedWorld, log: MemoryDurableLog
) -> None:
    report = mirror(world, log, *(line(n) for n in range(1_201)))
    assert report.written == len(log.rows("slim_requests")) == 1_201


def test_no_audit_leaves_mirrored_rows_out() -> None:
    # audits of clocks and latency leave out what is re-timed: its moments are not those of serving
    left_out = [re.findall(r"traffic\s*(?:<>|=)\s*'([a-z-]+)'", audit.tables) for audit in AUDITS]
    assert {one for found in left_out for one in found} == {"re-timed"}
