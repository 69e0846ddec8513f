from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import ArtefactError, BadData
from recsysops.request_log.records import FullRequest
from recsysops.serving.flag_document import build_flag_document
from recsysops.serving.replay import (
    compare_replay,
    is_same_machine,
    logged_hotfixes,
    refuse_changed_inputs,
    replay_record,
    ulp_distance,
)
from recsysops.vocabulary import SamplingPlan

from tests.fakes.served_world import NOW, make_vector, make_world
from tests.fakes.small_catalogue import make_hotfix


def log_one(**body: object) -> tuple[FullRequest, object]:
    world = make_world()
    world.recommend("r-1", "m1", **body)
    return world.full()[0], world.catalogue


RECORD, CATALOGUE = log_one()
LATER = {"expires_at": NOW + timedelta(days=1)}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"limit": 50},
        {"limit": 1},
        {"candidates": ["i0001", "i0007", "unknown"]},
        {"candidates": ["unknown"]},
        {"exclude": ["i0010", "i0011"]},
        {"member_id": "nobody"},
        {"context": {"device": "tv"}, "surface": "search"},
    ],
)
def test_a_logged_request_repeats_bit_for_bit(body: dict[str, object]) -> None:
    world = make_world()
    world.flags.plan = SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.5)
    for number in range(12):
        world.recommend(f"r-{number}", **{"member_id": "m1", **body})
    arms = {record.arm for record in world.full()}
    assert arms == ({"greedy"} if "candidates" in body else {"greedy", "explore"})
    for record in world.full():
        refuse_changed_inputs(record)
        verdict = compare_replay(record, replay_record(record, world.catalogue))
        assert verdict.bit_equal
        assert (verdict.same_order, verdict.max_ulp, verdict.differences) == (True, 0, ())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scores", [RECORD.scores[0] * (1 + 2**-22), *RECORD.scores[1:]]),
        ("contributions", [np.nextafter(RECORD.contributions[0], 9), *RECORD.contributions[1:]]),
        ("shown", [*RECORD.shown[1:], RECORD.shown[0]]),
        ("propensities", [0.5, *RECORD.propensities[1:]]),
        ("shortlist", [RECORD.shortlist[1], RECORD.shortlist[0], *RECORD.shortlist[2:]]),
        ("arm", "explore" if RECORD.arm == "greedy" else "greedy"),
        ("eligible_count", RECORD.eligible_count + 1),
        ("blocks", RECORD.blocks[::-1]),
    ],
)
def test_a_single_differing_output_is_named(field: str, value: object) -> None:
    record = RECORD.model_copy(update={field: value})
    verdict = compare_replay(record, replay_record(record, CATALOGUE))
    assert not verdict.bit_equal
    assert field in verdict.differences


def test_one_ulp_is_counted_as_one() -> None:
    moved = [float(np.nextafter(np.float32(s), np.float32(np.inf))) for s in RECORD.scores]
    record = RECORD.model_copy(update={"scores": moved})
    verdict = compare_replay(record, replay_record(record, CATALOGUE))
    assert (verdict.bit_equal, verdict.same_order, verdict.max_ulp) == (False, True, 1)


def test_differences_are_measured_on_the_items_that_both_shortlists_hold() -> None:
    """By hand: rows of a and b, logged in one order and found in the other, c in one only."""
    slate = replay_record(RECORD, CATALOGUE)
    found = replace(
        slate,
        ids=("a", "b", "c"),
        rows=np.array([1, 0, 2]),
        scores=np.float32([2.0, 1.0, 0.5]),
        contributions=np.array([[2.0, 0.0], [0.75, 0.5], [9.0, 9.0]]),
        block_names=("x", "y"),
    )
    changes = {
        "shortlist": ["a", "b"], "scores": [1.0, 2.0], "blocks": ["x", "y"],
        "contributions": [1.0, 0.5, 2.0, 0.125],
    }  # fmt: skip
    verdict = compare_replay(RECORD.model_copy(update=changes), found)
    assert (verdict.same_order, verdict.max_ulp) == (False, 0)
    assert verdict.block_differences == (0.25, 0.125)
    nothing = compare_replay(RECORD.model_copy(update=changes | {"shortlist": ["d", "e"]}), found)
    assert nothing.block_differences == (0.0, 0.0)
    renamed = compare_replay(RECORD.model_copy(update=changes | {"blocks": ["x", "z"]}), found)
    assert renamed.block_differences == ()


def test_the_same_bits_differ_by_nothing_in_every_block() -> None:
    verdict = compare_replay(RECORD, replay_record(RECORD, CATALOGUE))
    assert verdict.block_differences == (0.0,) * len(RECORD.blocks)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_neighbouring_floats_are_one_apart_across_zero_too(number: float) -> None:
    here = np.float32(number)
    with np.errstate(over="ignore"):
        above = np.nextafter(here, np.float32(np.inf))
    expected = 0 if not np.isfinite(above) else 1
    if expected:
        assert ulp_distance(np.array([here]), np.array([above])).tolist() == [1]
    assert ulp_distance(np.array([-here]), np.array([here])).tolist() == [
        2 * ulp_distance(np.array([np.float32(0)]), np.array([here])).item()
    ]


def test_another_vector_answers_what_would_have_been() -> None:
    other = replay_record(RECORD, CATALOGUE, member_vector=make_vector(99))
    assert other.shortlist != tuple(RECORD.shortlist)


def test_hotfixes_of_the_request_are_repeated() -> None:
    blocked = make_hotfix("block_items", {"item_ids": [RECORD.shown[0]]}, **LATER)
    popular = make_hotfix("popularity_fallback", {"surface": None}, **LATER)
    assert RECORD.shown[0] not in replay_record(RECORD, CATALOGUE, hotfixes=[blocked]).shortlist
    slate = replay_record(RECORD, CATALOGUE, hotfixes=[popular])
    assert not slate.contributions[:, :-1].any()


def test_a_changed_input_is_refused_with_both_digests() -> None:
    changed = RECORD.model_copy(update={"excluded": RECORD.excluded[1:]})
    with pytest.raises(BadData, match="changed after logging"):
        refuse_changed_inputs(changed)


@pytest.mark.parametrize("vector", ["%%%", "AAAA", "QUJD" * 30])
def test_a_garbled_vector_is_an_error_in_one_line(vector: str) -> None:
    record = RECORD.model_copy(update={"member_vector": vector})
    with pytest.raises((BadData, ArtefactError)) as caught:
        replay_record(record, CATALOGUE)
    assert "\n" not in str(caught.value)


def test_a_hotfix_the_document_lacks_is_named() -> None:
    fix = replace(make_hotfix("block_items", {"item_ids": ("i0001",)}), hotfix_id="fix-7")
    document = build_flag_document([fix])
    assert [found.hotfix_id for found in logged_hotfixes(["fix-7"], document)] == ["fix-7"]
    with pytest.raises(BadData, match="fix-8"):
        logged_hotfixes(["fix-8"], document)


def test_bits_are_compared_only_on_the_same_fingerprint() -> None:
    assert is_same_machine(RECORD)
    assert not is_same_machine(RECORD.model_copy(update={"fingerprint": "numpy-0"}))
