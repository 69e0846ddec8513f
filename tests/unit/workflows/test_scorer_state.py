from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from recsysops.adapters.memory import MemoryBlobs, MemoryFlags
from recsysops.errors import DependencyError
from recsysops.model.artefact import artefact_key, unpack_artefact
from recsysops.model.delta import POINTER_KEY, delta_key
from recsysops.serving.flag_document import build_flag_document
from recsysops.vocabulary import ModelPointer
from recsysops.workflows.load_catalogue import CatalogueCache, DeltaPointer, dump_delta_pointer
from recsysops.workflows.scorer_state import ScorerState, run_in_background

from tests.fakes.served_world import (
    AS_OF,
    ServedWorld,
    make_artefact_files,
    make_delta,
    make_world,
)
from tests.fakes.small_catalogue import make_hotfix


class Bench:
    """A scorer whose clock and background thread are moved by hand."""

    def __init__(self, world: ServedWorld) -> None:
        self.world = world
        self.now = 100.0
        self.waiting: list[Callable[[], None]] = []
        self.state = ScorerState(
            cache=CatalogueCache(world.blobs),
            flags=world.flags,
            monotonic=lambda: self.now,
            poll_seconds=30.0,
            start=self.waiting.append,
        )

    def poll(self, *, seconds: float = 0.0, finish: bool = True) -> str | None:
        self.now += seconds
        self.state.poll()
        while finish and self.waiting:
            self.waiting.pop()()
        catalogue = self.state.catalogue()
        return None if catalogue is None else f"{catalogue.model_id}/{catalogue.delta_id}"

    def add_model(self, seed: int) -> str:
        files = make_artefact_files(self.world.items, seed)
        model_id = unpack_artefact(files).model_id
        for name, body in files.items():
            self.world.blobs.put(artefact_key(model_id, name), body)
        return model_id

    def publish(self, seed: int = 0) -> str:
        artefact = unpack_artefact(make_artefact_files(self.world.items, seed))
        renamed = replace(self.world.items[0], title="Another title")
        delta_id, body = make_delta(artefact, (renamed, *self.world.items[1:]))
        self.world.blobs.put(delta_key(delta_id), body)
        self.point_to(delta_id, artefact.model_id)
        return delta_id

    def point_to(self, delta_id: str, model_id: str) -> None:
        pointer = dump_delta_pointer(DeltaPointer(delta_id, AS_OF, model_id))
        self.world.blobs.put(POINTER_KEY, pointer)


@pytest.fixture
def bench() -> Bench:
    return Bench(make_world(40))


def test_a_loaded_model_makes_no_request_wait_for_its_table_of_rows(bench: Bench) -> None:
    bench.poll()
    catalogue = bench.state.catalogue()
    assert catalogue is not None
    made = catalogue.finder._table
    assert made is not None
    assert catalogue.finder.prepare(catalogue.row_of) is made


def test_the_first_request_loads_at_once(bench: Bench) -> None:
    served = bench.poll(finish=False)
    assert served == f"{bench.world.artefact.model_id}/{bench.world.delta_id}"
    assert bench.waiting == []


def test_a_newer_snapshot_loads_behind_the_old_one(bench: Bench) -> None:
    old = bench.poll()
    delta_id = bench.publish()
    assert bench.poll(seconds=29.0) == old
    assert bench.poll(seconds=1.0, finish=False) == old
    assert len(bench.waiting) == 1
    assert bench.poll(seconds=60.0, finish=False) == old
    assert len(bench.waiting) == 1, "one refresh at a time"
    bench.waiting.pop()()
    assert bench.poll() == f"{bench.world.artefact.model_id}/{delta_id}"


def test_a_newly_approved_model_is_looked_for_within_a_second(bench: Bench) -> None:
    bench.poll()
    model_id = bench.add_model(seed=5)
    bench.world.flags.pointer = ModelPointer(production=model_id)
    assert bench.poll(seconds=1.0) == f"{model_id}/{bench.world.delta_id}"


def break_artefact(bench: Bench, model_id: str) -> None:
    key = artefact_key(model_id, "item_matrix.npy")
    bench.world.blobs.put(key, bench.world.blobs.get(key)[:-1] + b"x")


def test_a_corrupt_model_leaves_the_old_one_serving_fresh_snapshots(bench: Bench) -> None:
    bench.poll()
    model_id = bench.add_model(seed=5)
    break_artefact(bench, model_id)
    bench.world.flags.pointer = ModelPointer(production=model_id)
    delta_id = bench.publish()
    assert bench.poll(seconds=30.0) == f"{bench.world.artefact.model_id}/{delta_id}"
    problems = bench.state.drain_problems()
    assert [problem.subject for problem in problems] == [f"{model_id}/{delta_id}"]
    assert "item_matrix.npy does not match its hash" in problems[0].message
    assert bench.state.drain_problems() == []


def test_a_model_that_failed_is_not_fetched_again_with_every_request(bench: Bench) -> None:
    bench.poll()
    model_id = bench.add_model(seed=5)
    break_artefact(bench, model_id)
    bench.world.flags.pointer = ModelPointer(production=model_id)
    for _ in range(20):
        bench.poll(seconds=1.0)
    assert len(bench.state.drain_problems()) == 1
    bench.add_model(seed=5)
    assert bench.poll(seconds=30.0) == f"{model_id}/{bench.world.delta_id}"


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"delta_id": "d", "as_of": "never"}'])
def test_a_garbled_pointer_leaves_the_old_snapshot_serving(bench: Bench, body: bytes) -> None:
    old = bench.poll()
    bench.world.blobs.put(POINTER_KEY, body)
    assert bench.poll(seconds=30.0) == old
    assert bench.state.drain_problems()[0].subject == "delta_pointer"


def test_a_corrupt_snapshot_leaves_the_old_one_serving(bench: Bench) -> None:
    old = bench.poll()
    delta_id = bench.publish()
    bench.world.blobs.put(delta_key(delta_id), b"half a file")
    assert bench.poll(seconds=30.0) == old
    assert "bytes hash to" in bench.state.drain_problems()[0].message


def test_an_unreachable_bucket_leaves_the_old_one_serving(bench: Bench) -> None:
    class Down(MemoryBlobs):
        def get(self, key: str) -> bytes:
            raise DependencyError("bucket timed out")

    old = bench.poll()
    bench.state.cache.blobs = Down()
    assert bench.poll(seconds=30.0) == old
    assert bench.state.drain_problems()[0].message == "bucket timed out"


def test_with_nothing_published_nothing_serves_until_something_is() -> None:
    world = make_world(40)
    objects, world.blobs = world.blobs.objects, MemoryBlobs()
    bench = Bench(world)
    assert bench.poll() is None
    world.blobs.objects.update(objects)
    assert bench.poll(seconds=0.5) is None
    assert bench.poll(seconds=0.5) == f"{world.artefact.model_id}/{world.delta_id}"


def test_a_cold_scorer_whose_approved_model_is_corrupt_serves_the_snapshots_model(
    bench: Bench,
) -> None:
    bench.world.flags.pointer = ModelPointer(production="m-not-there")
    assert bench.poll() == f"{bench.world.artefact.model_id}/{bench.world.delta_id}"
    assert "m-not-there" in bench.state.drain_problems()[0].message


def test_a_pinned_model_serves_exposed_members_once_it_is_loaded(bench: Bench) -> None:
    bench.poll()
    model_id = bench.add_model(seed=5)
    pin = make_hotfix("pin_model", {"model_id": model_id})
    bench.world.flags.document = build_flag_document([pin])
    pinned = bench.state.catalogue([pin])
    assert pinned is not None
    assert pinned.model_id == bench.world.artefact.model_id
    bench.poll(seconds=1.0)
    pinned, plain = bench.state.catalogue([pin]), bench.state.catalogue()
    assert pinned is not None
    assert plain is not None
    assert (pinned.model_id, plain.model_id) == (model_id, bench.world.artefact.model_id)


def test_without_a_thread_to_be_had_the_old_snapshot_serves_and_the_next_poll_tries_again(
    bench: Bench,
) -> None:
    def refuse(work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    old = bench.poll()
    delta_id = bench.publish()
    started, bench.state.start = bench.state.start, refuse
    assert bench.poll(seconds=30.0) == old
    assert bench.state.drain_problems()[0].message == "can't start new thread"
    bench.state.start = started
    assert bench.poll(seconds=30.0) == f"{bench.world.artefact.model_id}/{delta_id}"


def test_the_background_is_a_thread_that_ends() -> None:
    import threading

    done = threading.Event()
    run_in_background(done.set)
    assert done.wait(timeout=10.0)


def test_flags_are_asked_for_the_pointer_the_scorer_obeys() -> None:
    world = make_world(40)
    world.flags = MemoryFlags(pointer=ModelPointer(production=world.artefact.model_id))
    assert Bench(world).poll() == f"{world.artefact.model_id}/{world.delta_id}"
