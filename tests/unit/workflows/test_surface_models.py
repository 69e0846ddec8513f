"""A surface is given a model of its own by one document, and everything else knows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from recsysops.adapters.memory import MemoryBlobs, MemoryMembers, MemoryRegistry
from recsysops.errors import BadBody
from recsysops.serving.fallback import read_vector
from recsysops.serving.flag_document import build_flag_document
from recsysops.serving.what_if_change import parse_changes
from recsysops.vocabulary import Canary, Member, ModelEntry, ModelPointer, SamplingPlan
from recsysops.workflows.approved_models import models_in_service, pinnable_models
from recsysops.workflows.ask_what_if import ask_what_if
from recsysops.workflows.plan_audits import plan_audits
from recsysops.workflows.release_model import ReleasedMember, release_model
from recsysops.workflows.replay_requests import replay_requests
from recsysops.workflows.scorer_state import ScorerState

from tests.fakes.served_world import NOW, TRAINED_AT, ServedWorld, make_world
from tests.fakes.small_catalogue import make_hotfix


@pytest.fixture
def world() -> ServedWorld:
    return make_world(40, members=12)


def point(world: ServedWorld, model_id: str, **parts: object) -> None:
    surfaces = {"search": model_id, "kids": model_id}
    world.flags.pointer = ModelPointer(world.artefact.model_id, surfaces=surfaces, **parts)  # type: ignore[arg-type]


def test_a_surface_is_served_by_its_own_model_and_the_others_by_production(
    world: ServedWorld,
) -> None:
    own = world.add_known_model(5)
    point(world, own)
    answers = {surface: world.recommend(surface, surface=surface) for surface in
               ("home", "search", "kids", "item")}  # fmt: skip
    models = {surface: answer.model_id for surface, answer in answers.items()}
    production = world.artefact.model_id
    assert models == {"home": production, "search": own, "kids": own, "item": production}
    assert all(answer.status == "ok" for answer in answers.values())
    assert {line.surface: line.model_id for line in world.slim()} == models
    assert {record.surface: record.model_id for record in world.full()} == models
    assert answers["search"].items == answers["kids"].items != answers["home"].items


def test_what_it_served_repeats_bit_for_bit_and_can_be_asked_what_production_had_shown(
    world: ServedWorld,
) -> None:
    world.flags.plan = replace(world.flags.plan, explore_rate=0.0)
    own, production = world.add_known_model(5), world.artefact.model_id
    world.flags.pointer = ModelPointer(production)
    shown = [item.item_id for item in world.recommend("r-0", surface="search").items]
    point(world, own)
    world.recommend("r-1", surface="search")
    records = world.full()[1:]
    assert records[0].shown != shown
    assert replay_requests(records, cache=world.cache).holds
    member = world.members.get("m1")
    assert member is not None
    (answer,) = ask_what_if(
        records,
        parse_changes([f"model={production}"], str),
        cache=world.cache,
        find_vector=lambda _, catalogue: read_vector(member.vectors[production], catalogue),
    ).answers
    assert answer.what_if is not None
    assert [move.item_id for move in answer.what_if.moves if move.after.slot is not None] == shown


@pytest.mark.parametrize("case", ["no vector", "no artefact"])
def test_without_its_model_production_serves_with_the_reason(world: ServedWorld, case: str) -> None:
    point(world, world.add_model(5) if case == "no vector" else "m-not-there")
    reason = "vector_mismatch" if case == "no vector" else "model_unavailable"
    answer = world.recommend(surface="search")
    assert (answer.model_id, answer.fallback_reason, answer.fallback_step) == (
        world.artefact.model_id, reason, "previous_model",
    )  # fmt: skip
    assert world.recommend("r-2", surface="home").status == "ok"


def test_it_loads_in_the_background_while_production_serves(world: ServedWorld) -> None:
    world.flags.pointer = ModelPointer(world.artefact.model_id)
    waiting: list[Callable[[], None]] = []
    state = ScorerState(world.cache, world.flags, lambda: 0.0, 0.0, waiting.append)
    world._ports = replace(world.ports, state=state)
    world.recommend("r-0", surface="search")
    own = world.add_known_model(5)
    point(world, own)
    assert world.recommend("r-1", surface="search").model_id == world.artefact.model_id
    waiting.pop()()
    assert world.recommend("r-2", surface="search").model_id == own


def test_a_pinned_model_comes_first_and_a_canary_stays_away(world: ServedWorld) -> None:
    own, canary = world.add_known_model(5), world.add_known_model(6)
    point(world, own, canary=Canary(canary, 50.0, "roll-1"))
    for number in range(1, 13):
        world.recommend(f"r-{number}", f"m{number}", surface="search")
    assert {(line.model_id, line.roll_out_arm) for line in world.slim()} == {(own, None)}
    pin = make_hotfix("pin_model", {"model_id": canary})
    world.flags.document = build_flag_document([replace(pin, expires_at=NOW + timedelta(days=1))])
    assert world.recommend("r-20", surface="search").model_id == canary


def registry(*entries: tuple[str, str]) -> MemoryRegistry:
    return MemoryRegistry(
        [
            ModelEntry(name, status, TRAINED_AT - timedelta(days=age))  # type: ignore[arg-type]
            for age, (name, status) in enumerate(entries)
        ]
    )


def test_audits_hear_from_the_registry_that_it_may_serve() -> None:
    models = registry(
        ("m-5", "retired"), ("m-4", "candidate"), ("m-3", "production"), ("m-2", "surface")
    )
    assert models_in_service(models) == ("m-3", "m-4", "m-2")
    assert plan_audits({}, registry=models, now=NOW).context.approved_models == (
        "m-3", "m-4", "m-2",
    )  # fmt: skip
    assert pinnable_models(models) == ["m-5", "m-4", "m-3", "m-2"], "snapshots suit it however old"
    assert models_in_service(registry(("m-2", "surface"))) == ()


def test_members_keep_their_vectors_for_it_however_many_models_are_released() -> None:
    models = registry(
        ("m-4", "production"), ("m-3", "retired"), ("m-2", "retired"), ("m-1", "surface")
    )
    vectors = {f"m-{number}": bytes([number]) for number in range(1, 5)}
    members = MemoryMembers([Member("ann", vectors, (), "salt")])
    release_model(
        {},
        ModelEntry("m-5", "production", TRAINED_AT + timedelta(days=1)),
        [ReleasedMember("ann", b"5")],
        blobs=MemoryBlobs(),
        members=members,
        registry=models,
        new_salt=str,
    )
    ann = members.get("ann")
    assert ann is not None
    assert sorted(ann.vectors) == ["m-1", "m-3", "m-4", "m-5"]


def test_a_scorer_that_could_read_no_document_serves_a_configured_surface_plain(
    world: ServedWorld,
) -> None:
    known = world.flags.plan
    world.flags.plan = replace(known, may_lack_surfaces=True)
    answer = world.recommend(surface="kids")
    assert (answer.fallback_reason, answer.fallback_step) == ("surface_unknown", "plain_surface")
    assert (len(answer.items), answer.model_id) == (10, world.artefact.model_id)
    assert world.slim()[0].fallback_reason == "surface_unknown"
    assert replay_requests(world.full(), cache=world.cache).holds
    assert world.recommend("r-2", surface="home").status == "ok"
    unknown = world.recommend("r-3", "nobody", surface="kids")
    assert unknown.fallback_reason == "unknown_member", "the weightier reason stays"
    world.flags.plan = SamplingPlan()
    with pytest.raises(BadBody, match="surface"):
        world.recommend("r-4", surface="kids")
