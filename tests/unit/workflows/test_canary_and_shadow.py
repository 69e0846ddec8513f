"""A scorer with a canary and a shadow: who is served by which model, and what is logged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from recsysops.model.artefact import unpack_artefact
from recsysops.model.packing import pack_vector
from recsysops.request_log.records import ShadowRequest
from recsysops.request_log.schema import decode_record
from recsysops.serving.flag_document import build_flag_document
from recsysops.vocabulary import Canary, ModelPointer, Shadow
from recsysops.workflows.replay_requests import replay_requests

from tests.fakes.served_world import (
    NOW,
    ServedWorld,
    make_artefact_files,
    make_vector,
    make_world,
)
from tests.fakes.small_catalogue import make_hotfix


@pytest.fixture
def world() -> ServedWorld:
    """A world with a second model that every member has a vector for."""
    made = make_world(40, members=60)
    made.add_model(5)
    other = unpack_artefact(make_artefact_files(made.items, 5))
    made.members.put_many(
        replace(
            member,
            vectors={
                **member.vectors,
                other.model_id: pack_vector(make_vector(90), owner=other.owner),
            },
        )
        for member in list(made.members.scan())
    )
    return made


def other_model(world: ServedWorld) -> str:
    return unpack_artefact(make_artefact_files(world.items, 5)).model_id


def point(world: ServedWorld, **parts: object) -> None:
    world.flags.pointer = ModelPointer(world.artefact.model_id, **parts)  # type: ignore[arg-type]


def test_canary_members_get_the_new_model_and_everybody_else_the_old_one(
    world: ServedWorld,
) -> None:
    point(world, canary=Canary(other_model(world), 30.0, "roll-1"))
    for number in range(1, 61):
        world.recommend(f"r-{number}", f"m{number}")
    lines = world.slim()
    by_arm = {arm: [one for one in lines if one.roll_out_arm == arm] for arm in
              ("canary", "control", None)}  # fmt: skip
    assert all(by_arm.values()), "each arm has members"
    assert {one.model_id for one in by_arm["canary"]} == {other_model(world)}
    assert {one.model_id for one in by_arm["control"] + by_arm[None]} == {world.artefact.model_id}
    assert {one.roll_out_id for one in by_arm["canary"] + by_arm["control"]} == {"roll-1"}
    assert {one.roll_out_id for one in by_arm[None]} == {None}
    assert all(one.status == "ok" for one in lines)
    assert replay_requests(world.full(), cache=world.cache).holds


def test_a_member_without_a_row_takes_part_in_no_roll_out(world: ServedWorld) -> None:
    point(world, canary=Canary(other_model(world), 50.0, "roll-1"))
    world.recommend(member_id="nobody")
    (line,) = world.slim()
    assert (line.roll_out_arm, line.model_id) == (None, world.artefact.model_id)


def test_a_canary_without_a_vector_of_the_member_falls_back_on_production(
    world: ServedWorld,
) -> None:
    third = world.add_model(9)
    point(world, canary=Canary(third, 50.0, "roll-1"))
    for number in range(1, 13):
        world.recommend(f"r-{number}", f"m{number}")
    canaries = [line for line in world.slim() if line.roll_out_arm == "canary"]
    assert canaries
    for line in canaries:
        assert (line.model_id, line.fallback_step) == (world.artefact.model_id, "previous_model")


def test_a_canary_that_cannot_be_loaded_serves_nobody_and_says_so(world: ServedWorld) -> None:
    point(world, canary=Canary("m-not-there", 50.0, "roll-1"))
    for number in range(1, 13):
        world.recommend(f"r-{number}", f"m{number}")
    for line in world.slim():
        degraded = line.roll_out_arm == "canary"
        assert line.model_id == world.artefact.model_id
        assert line.fallback_reason == ("model_unavailable" if degraded else None)


def test_a_pinned_model_comes_before_the_canary(world: ServedWorld) -> None:
    point(world, canary=Canary(other_model(world), 50.0, "roll-1"))
    pin = make_hotfix("pin_model", {"model_id": world.artefact.model_id})
    pin = replace(pin, expires_at=NOW + timedelta(days=1))
    world.flags.document = build_flag_document([pin])
    for number in range(1, 13):
        world.recommend(f"r-{number}", f"m{number}")
    assert {line.model_id for line in world.slim()} == {world.artefact.model_id}
    assert {line.roll_out_arm for line in world.slim()} == {None}


def shadows(world: ServedWorld) -> list[ShadowRequest]:
    return [decode_record(ShadowRequest, row) for row in world.log.rows("shadow_requests")]


def test_a_shadow_scores_and_is_logged_but_never_shown(world: ServedWorld) -> None:
    plain = make_world(40, members=60)
    point(world, shadow=Shadow(other_model(world), 1.0))
    for number in range(1, 9):
        member = f"m{number}"
        with_shadow = world.recommend(f"r-{number}", member)
        assert with_shadow == plain.recommend(f"r-{number}", member)
    rows = shadows(world)
    assert [row.request_id for row in rows] == [line.request_id for line in world.slim()]
    for row, record in zip(rows, world.full(), strict=True):
        assert row.served == record.shortlist[:10]
        assert (row.model_id, row.shadow_model_id) == (record.model_id, other_model(world))
        assert row.agreement_at_10 == len(set(row.served) & set(row.shadow)) / 10
        assert row.rank_correlation is not None
        assert -1.0 <= row.rank_correlation <= 1.0
    assert any(row.served != row.shadow for row in rows)


def test_the_shadow_ranks_as_it_would_have_served(world: ServedWorld) -> None:
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    point(world, shadow=Shadow(other_model(world), 1.0))
    world.recommend()
    (row,) = shadows(world)
    world.flags.pointer = ModelPointer(other_model(world))
    world._ports = None
    assert row.shadow == [item.item_id for item in world.recommend("r-2").items]


def test_only_the_share_is_scored_and_the_work_is_put_off_until_after_the_response(
    world: ServedWorld,
) -> None:
    point(world, shadow=Shadow(other_model(world), 0.3))
    for number in range(1, 61):
        world.recommend(f"r-{number}", f"m{number}")
    assert 5 < len(shadows(world)) < 35
    assert {row.inclusion_probability for row in shadows(world)} == {0.3}


def test_what_a_canary_serves_is_not_compared_with_itself(world: ServedWorld) -> None:
    both = other_model(world)
    point(world, canary=Canary(both, 50.0, "roll-1"), shadow=Shadow(both, 1.0))
    for number in range(1, 13):
        world.recommend(f"r-{number}", f"m{number}")
    canaries = {line.request_id for line in world.slim() if line.roll_out_arm == "canary"}
    assert canaries
    assert not canaries & {row.request_id for row in shadows(world)}
