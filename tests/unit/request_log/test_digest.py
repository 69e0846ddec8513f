from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from recsysops.request_log.digest import ADDED_FIELDS, INPUT_FIELDS, digest_inputs
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import to_row

from tests.fakes.served_world import make_world


def logged_record() -> FullRequest:
    world = make_world()
    world.recommend(candidates=["i0001", "i0002"], exclude=["i0003"], context={"a": "b"})
    return world.full()[0]


RECORD = logged_record()
OUTPUT_FIELDS = (
    "shortlist", "scores", "contributions", "shown", "propensities", "arm", "status",
    "eligible_count", "stratum", "inclusion_probability",
)  # fmt: skip
CHANGED = {
    "request_id": "r-2",
    "event_time": RECORD.event_time + timedelta(milliseconds=1),
    "surface": "search",
    "member_known": False,
    "member_vector": "A" + (RECORD.member_vector or "")[1:],
    "context": RECORD.context.replace("b", "c"),
    "limit": RECORD.limit + 1,
    "candidates": RECORD.candidates[::-1],
    "excluded": [*RECORD.excluded, "i0004"],
    "model_id": "m-other",
    "delta_id": "d-other",
    "flag_version": "other",
    "hotfix_ids": ["fix-1"],
    "explore_rate": 0.1 + 1e-16 * 2,
    "code_version": "9.9.9",
    "fingerprint": "another machine",
    "explore_first_rank": 12,
    "filters": '{"in_stock":true}',
    "session_items": ["i0001"],
    "surface_plan": '{"diversity": 1.0}',
    "layout": "home-1",
}


def test_the_digest_of_a_fresh_record_is_the_one_it_carries() -> None:
    assert digest_inputs(RECORD) == RECORD.input_digest


def test_every_input_is_listed_here() -> None:
    assert set(CHANGED) == {*INPUT_FIELDS, *ADDED_FIELDS}


@pytest.mark.parametrize("name", [*INPUT_FIELDS, *ADDED_FIELDS])
def test_a_changed_input_changes_the_digest(name: str) -> None:
    changed = RECORD.model_copy(update={name: CHANGED[name]})
    assert changed != RECORD
    assert digest_inputs(changed) != RECORD.input_digest


@pytest.mark.parametrize("name", OUTPUT_FIELDS)
def test_what_came_out_is_no_part_of_it(name: str) -> None:
    changed = RECORD.model_copy(update={name: "something else"})
    assert digest_inputs(changed) == RECORD.input_digest


@given(
    st.lists(st.text()),
    st.fixed_dictionaries({}, optional={name: st.just(CHANGED[name]) for name in ADDED_FIELDS}),
)
@example([], {})
@example(['", "', "a\\", '"'], {})
@example(["caf\u00e9", "\x7f", "\ud800"], {})
def test_it_is_that_of_the_canonical_json_of_all_inputs_whatever_ids_look_like(
    candidates: list[str], added: dict[str, object]
) -> None:
    """Only the candidates are written in a faster way; digests of old records must stay."""
    record = RECORD.model_copy(update={"candidates": candidates, **added})
    row = to_row(record)
    names = [*INPUT_FIELDS, *(name for name in ADDED_FIELDS if row[name])]
    canonical = json.dumps({name: row[name] for name in names}, sort_keys=True)
    assert digest_inputs(record) == hashlib.sha256(canonical.encode()).hexdigest()
