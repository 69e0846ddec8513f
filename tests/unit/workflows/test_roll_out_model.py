"""A model comes to members step by step, and every step is taken back by one command."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryMembers, MemoryRegistry
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.errors import BadInput, ConflictError, FlagError, NotFound
from recsysops.model.artefact import artefact_key
from recsysops.serving.roll_out import parse_model_pointer
from recsysops.simulation.faults import zero_one_block
from recsysops.vocabulary import Canary, Member, ModelEntry, ModelPointer, ModelStatus, Shadow
from recsysops.workflows.roll_out_model import (
    RollOutChange,
    RollOutPorts,
    describe_differences,
    promote_model,
    read_pointer,
    roll_back,
    serve_surface,
    start_canary,
    start_shadow,
)

from tests.fakes.served_world import NOW, TRAINED_AT, make_world

CHANGE = RollOutChange("ada", NOW, "at-once")


class Bench:
    def __init__(self) -> None:
        self.world = make_world(30)
        self.old = self.world.artefact.model_id
        self.new = self.world.add_model(5)
        self.deployer = MemoryConfigDeployer()
        statuses: dict[str, ModelStatus] = {self.old: "production", self.new: "retired"}
        self.registry = MemoryRegistry(
            [ModelEntry(name, status, TRAINED_AT) for name, status in statuses.items()]
        )
        vectors = {self.old: b"", self.new: b""}
        self.trail = MemoryTrail()
        self.ports = RollOutPorts(
            self.deployer,
            self.registry,
            self.world.cache,
            MemoryMembers([Member(f"m{n}", vectors, (), "s") for n in range(5)]),
            self.trail,
        )

    @property
    def served(self) -> ModelPointer:
        return parse_model_pointer(self.deployer.current())

    def statuses(self) -> dict[str, str]:
        return {entry.model_id: entry.status for entry in self.registry.entries()}

    def canary(self, percent: float = 5.0) -> None:
        start_canary(Canary(self.new, percent, "roll-1"), ports=self.ports, change=CHANGE)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_canary_promotion_and_rollback_lead_back_to_where_it_began(bench: Bench) -> None:
    bench.canary()
    assert bench.served == ModelPointer(bench.old, canary=Canary(bench.new, 5.0, "roll-1"))
    promote_model(None, ports=bench.ports, change=replace(CHANGE, now=NOW.replace(hour=13)))
    assert bench.served == ModelPointer(bench.new, previous=bench.old)
    assert bench.statuses() == {bench.new: "production", bench.old: "retired"}
    roll_back(ports=bench.ports, change=replace(CHANGE, now=NOW.replace(hour=14)))
    assert bench.served == ModelPointer(bench.old)
    assert bench.statuses() == {bench.new: "retired", bench.old: "production"}
    assert [row["action"] for row in bench.trail.rows] == ["canary", "promote", "rollback"]
    assert {row["operator"] for row in bench.trail.rows} == {"ada"}


def test_a_rollback_ends_a_canary_first_and_keeps_production(bench: Bench) -> None:
    bench.canary()
    roll_back(ports=bench.ports, change=CHANGE)
    assert bench.served == ModelPointer(bench.old)
    assert bench.statuses()[bench.old] == "production"
    with pytest.raises(BadInput, match="nothing to take back"):
        roll_back(ports=bench.ports, change=CHANGE)


def test_a_rollback_stops_the_promotion_that_is_being_deployed(bench: Bench) -> None:
    bench.canary()
    staged = replace(CHANGE, strategy="staged", now=NOW.replace(hour=13))
    promote_model(bench.new, ports=bench.ports, change=staged)
    assert bench.deployer.status()["state"] == "DEPLOYING"
    with pytest.raises(ConflictError):
        promote_model(bench.old, ports=bench.ports, change=staged)
    roll_back(ports=bench.ports, change=replace(CHANGE, now=NOW.replace(hour=14)))
    assert bench.served == ModelPointer(bench.old)
    assert bench.deployer.status()["state"] == "COMPLETE"


def test_a_shadow_comes_and_goes_beside_a_canary(bench: Bench) -> None:
    bench.canary()
    start_shadow(Shadow(bench.new, 0.5), ports=bench.ports, change=replace(CHANGE, now=TRAINED_AT))
    assert bench.served.shadow == Shadow(bench.new, 0.5)
    assert bench.served.canary is not None
    start_shadow(None, ports=bench.ports, change=CHANGE.__class__("ada", NOW.replace(hour=15)))
    assert bench.served.shadow is None


def test_a_surface_gets_its_own_model_keeps_it_through_a_promotion_and_gives_it_back(
    bench: Bench,
) -> None:
    third = bench.world.add_model(9)
    bench.registry.put(ModelEntry(third, "retired", TRAINED_AT))
    ports = replace(
        bench.ports, members=MemoryMembers([Member("m0", {third: b"", bench.new: b""}, (), "s")])
    )
    serve_surface("search", third, ports=ports, change=CHANGE)
    assert bench.served == ModelPointer(bench.old, surfaces={"search": third})
    assert bench.statuses() == {bench.old: "production", bench.new: "retired", third: "surface"}
    promote_model(bench.new, ports=ports, change=replace(CHANGE, now=NOW.replace(hour=13)))
    assert bench.served == ModelPointer(bench.new, previous=bench.old, surfaces={"search": third})
    assert bench.statuses() == {bench.old: "retired", bench.new: "production", third: "surface"}
    roll_back(ports=ports, change=replace(CHANGE, now=NOW.replace(hour=14)))
    assert bench.served == ModelPointer(bench.old, surfaces={"search": third})
    serve_surface("search", None, ports=ports, change=replace(CHANGE, now=NOW.replace(hour=15)))
    assert bench.served == ModelPointer(bench.old)
    assert bench.statuses()[third] == "retired"
    with pytest.raises(BadInput, match="no model of its own"):
        serve_surface("search", None, ports=ports, change=CHANGE)


def test_a_model_that_leaves_production_and_serves_a_surface_stays_approved(bench: Bench) -> None:
    serve_surface("search", bench.old, ports=bench.ports, change=CHANGE)
    assert bench.statuses()[bench.old] == "production"
    promote_model(bench.new, ports=bench.ports, change=replace(CHANGE, now=NOW.replace(hour=13)))
    assert bench.statuses() == {bench.old: "surface", bench.new: "production"}


def test_before_any_deployment_the_registry_says_who_serves(bench: Bench) -> None:
    assert read_pointer(bench.ports).production == bench.old
    with pytest.raises(NotFound, match="no model is in production"):
        read_pointer(replace(bench.ports, registry=MemoryRegistry()))


def refused(bench: Bench, kind: type[Exception], words: str, model_id: str) -> None:
    for attempt in (
        lambda: start_canary(Canary(model_id, 5.0, "r"), ports=bench.ports, change=CHANGE),
        lambda: start_shadow(Shadow(model_id, 0.5), ports=bench.ports, change=CHANGE),
        lambda: promote_model(model_id, ports=bench.ports, change=CHANGE),
        lambda: serve_surface("search", model_id, ports=bench.ports, change=CHANGE),
    ):
        with pytest.raises(kind, match=words):
            attempt()
    assert bench.deployer.current() == ""
    assert bench.trail.rows == []


def test_a_model_that_the_registry_does_not_know_is_refused(bench: Bench) -> None:
    refused(bench, NotFound, "no model 'm-typo' in the registry", "m-typo")


def test_a_model_whose_artefact_is_not_whole_is_refused(bench: Bench) -> None:
    bench.world.blobs.put(artefact_key(bench.new, "item_matrix.npy"), b"half")
    refused(bench, FlagError, "cannot serve: .*does not match its hash", bench.new)


def test_a_model_that_members_have_no_vectors_for_is_refused(bench: Bench) -> None:
    members = [Member(f"m{n}", {bench.old: b""}, (), "s") for n in range(5)]
    bench.ports = replace(bench.ports, members=MemoryMembers(members))
    refused(bench, FlagError, "0 of 5 sampled members have a vector", bench.new)


@pytest.mark.parametrize("percent", [0.0, 50.1, float("nan")])
def test_a_share_that_leaves_no_room_for_a_control_is_refused(bench: Bench, percent: float) -> None:
    with pytest.raises(FlagError, match=r"canary\.percent"):
        bench.canary(percent)
    assert bench.deployer.current() == ""


def test_production_cannot_be_its_own_canary_nor_be_promoted_again(bench: Bench) -> None:
    with pytest.raises(FlagError, match="is the production model"):
        start_canary(Canary(bench.old, 5.0, "r"), ports=bench.ports, change=CHANGE)
    with pytest.raises(BadInput, match="is the production model already"):
        promote_model(bench.old, ports=bench.ports, change=CHANGE)
    with pytest.raises(BadInput, match="no canary runs"):
        promote_model(None, ports=bench.ports, change=CHANGE)


def test_the_gate_says_how_a_broken_candidate_differs_and_leaves_the_choice(bench: Bench) -> None:
    world = make_world(300)
    broken = zero_one_block(world.artefact, rng=np.random.default_rng(3))
    for name, body in broken.files.items():
        world.blobs.put(artefact_key(broken.model_id, name), body)
    old = world.artefact.model_id
    for name, status in ((old, "production"), (broken.model_id, "candidate")):
        bench.registry.put(ModelEntry(name, status, TRAINED_AT))  # type: ignore[arg-type]
    vectors = {old: b"", broken.model_id: b""}
    members = MemoryMembers([Member("m0", vectors, (), "s")])
    ports = replace(bench.ports, catalogues=world.cache, members=members)
    bench.registry.put(ModelEntry(bench.old, "retired", TRAINED_AT))
    done = promote_model(broken.model_id, ports=ports, change=CHANGE)
    assert done.pointer.production == broken.model_id
    assert any("was trained as missing" in sentence for sentence in done.differences)
    [unreadable] = describe_differences(broken.model_id, "m-gone", ports)
    assert unreadable.startswith("cannot be compared with m-gone")
