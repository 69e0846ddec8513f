"""Models that served get a profile, and what they served is repeated and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from recsysops.adapters.memory import MemoryLake, MemoryRegistry
from recsysops.model.artefact import artefact_key
from recsysops.request_log.job_records import PROFILE_DAY, ModelProfileRow, ReplayedRequestRow
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import decode_record, to_row
from recsysops.vocabulary import ModelEntry, Window
from recsysops.workflows.check_models import CheckedModels, check_models

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, ServedWorld, make_world

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
REFERENCE = Window(WINDOW.start - timedelta(hours=2), WINDOW.start)


@dataclass
class Bench:
    """A served world with two requests in its log."""

    folder: Path
    world: ServedWorld = field(default_factory=make_world)
    lake: MemoryLake = field(default_factory=MemoryLake)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        self.world.recommend("r-1", "m1")
        self.world.recommend("r-2", "nobody", limit=5)

    def check(self, records: list[FullRequest] | None = None) -> CheckedModels:
        rows = {
            "slim_requests": [to_row(line) for line in self.world.slim()],
            "full_requests": [to_row(record) for record in records or self.world.full()],
        }
        queries = LakeQueries(self.folder, rows, dt=f"{NOW:%Y-%m-%d}")
        return check_models(
            WINDOW,
            reference=REFERENCE,
            queries=queries,
            cache=self.world.cache,
            lake=self.lake,
            registry=self.registry,
        )

    def replays(self) -> dict[str, ReplayedRequestRow]:
        rows = self.lake.rows("replayed_requests")
        return {row.request_id: row for row in (decode_record(ReplayedRequestRow, r) for r in rows)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_model_that_served_has_one_profile_however_often_it_is_checked(bench: Bench) -> None:
    model_id = bench.world.artefact.model_id
    assert bench.check().profiled == (model_id,)
    bench.check()
    rows = [decode_record(ModelProfileRow, row) for row in bench.lake.rows("model_profiles")]
    of_genres = [row for row in rows if (row.subject, row.segment) == ("genre", "all")]
    assert sum(row.items for row in of_genres) == len(bench.world.items)
    assert {row.model_id for row in rows} == {model_id}
    assert f"model_profiles/dt={PROFILE_DAY}/profile-{model_id}.json.gz" in bench.lake.objects


def test_requests_that_repeat_are_bit_equal_in_every_block(bench: Bench) -> None:
    assert bench.check().replayed_count == 2
    replay = bench.replays()["r-1"]
    assert (replay.outcome, replay.reason) == ("bit_equal", None)
    assert replay.blocks[-1] == "popularity"
    assert replay.block_differences == [0.0] * len(replay.blocks)


def test_a_block_that_served_otherwise_than_it_is_recomputed_is_told_with_how_much(
    bench: Bench,
) -> None:
    record = next(record for record in bench.world.full() if record.request_id == "r-1")
    width, place = len(record.blocks), record.blocks.index("year")
    skewed = [
        value + (0.25 if number % width == place else 0.0)
        for number, value in enumerate(record.contributions)
    ]
    done = bench.check([record.model_copy(update={"contributions": skewed})])
    replay = bench.replays()["r-1"]
    assert (done.differing_count, replay.outcome) == (1, "different")
    assert "contributions" in (replay.reason or "")
    largest = dict(zip(replay.blocks, replay.block_differences, strict=True))
    assert largest["year"] == pytest.approx(0.25)
    assert largest["genre"] == 0.0


def test_a_record_that_was_changed_after_logging_is_refused_with_the_reason(bench: Bench) -> None:
    record = next(record for record in bench.world.full() if record.request_id == "r-1")
    bench.check([record.model_copy(update={"limit": 3})])
    replay = bench.replays()["r-1"]
    assert (replay.outcome, replay.block_differences) == ("refused", [])
    assert "changed after logging" in (replay.reason or "")


def test_a_model_whose_files_are_gone_is_named_and_the_others_are_profiled(bench: Bench) -> None:
    model_id = bench.world.artefact.model_id
    bench.world.blobs.put(artefact_key(model_id, "item_matrix.npy"), b"rubbish")
    done = bench.check()
    assert done.profiled == ()
    assert "item_matrix" in done.unreadable[model_id]


def test_a_candidate_is_profiled_before_it_serves_anybody(bench: Bench) -> None:
    candidate = bench.world.add_model(7)
    for name, status in ((bench.world.artefact.model_id, "production"), (candidate, "candidate")):
        bench.registry.put(ModelEntry(name, status, NOW))  # type: ignore[arg-type]
    assert candidate in bench.check().profiled
    assert f"model_profiles/dt={PROFILE_DAY}/profile-{candidate}.json.gz" in bench.lake.objects
