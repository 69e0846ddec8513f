from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recsysops.adapters.memory import MemoryLake
from recsysops.model.artefact import artefact_key
from recsysops.request_log.job_records import LaunchRankRow
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import decode_record, to_row
from recsysops.vocabulary import Window, hash_group
from recsysops.workflows.logged_rankings import RankReport
from recsysops.workflows.rank_launches import rank_launches

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, ServedWorld, make_world

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
ITEMS = 300
LAUNCHED = f"i{ITEMS - 2:04d}"
"""The one item of the world that launched, the day before; another is only announced."""


@dataclass
class Bench:
    """A served world and where its log's launches stood."""

    folder: Path
    world: ServedWorld = field(default_factory=lambda: make_world(ITEMS))
    lake: MemoryLake = field(default_factory=MemoryLake)

    def run(self, window: Window = WINDOW, *, sample: int = 100, **changes: object) -> RankReport:
        records = [record.model_copy(update=changes) for record in self.world.full()]
        rows = {"full_requests": [to_row(record) for record in records]}
        queries = LakeQueries(self.folder, rows, dt=f"{window.end:%Y-%m-%d}")
        return rank_launches(
            window, queries=queries, cache=self.world.cache, lake=self.lake, sample=sample
        )

    def rows(self) -> list[LaunchRankRow]:
        return [decode_record(LaunchRankRow, row) for row in self.lake.rows("launch_ranks")]

    def percentile_of(self, record: FullRequest) -> float:
        return (record.shortlist.index(LAUNCHED) + 0.5) / record.eligible_count


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def ask_for_few(bench: Bench) -> list[FullRequest]:
    """Two members, each offered few enough candidates that the shortlist tells every rank."""
    offered = [f"i{number:04d}" for number in range(0, 80, 2)]
    for request_id, member in (("r-1", "m1"), ("r-2", "m2")):
        bench.world.recommend(request_id, member, candidates=[*offered, LAUNCHED])
    return bench.world.full()


def test_a_launch_stands_where_the_logged_orders_have_it_weighted_by_how_they_were_sampled(
    bench: Bench,
) -> None:
    first, second = ask_for_few(bench)
    assert bench.run().ranked_count == 1
    [row] = bench.rows()
    mean = (bench.percentile_of(first) + bench.percentile_of(second)) / 2
    assert row.rank_percentile == pytest.approx(mean)
    assert (row.item_id, row.requests, row.age_days) == (LAUNCHED, 2, 1)
    assert (row.event_time, row.launch_date) == (MIDNIGHT, "2026-03-01")
    assert row.item_group == hash_group(LAUNCHED)
    item = bench.world.catalogue.items[bench.world.catalogue.row_of[LAUNCHED]]
    assert (row.source, row.language) == (item.source, item.language)


def test_a_request_that_stands_for_many_weighs_as_many(bench: Bench) -> None:
    first, second = ask_for_few(bench)
    records = [first.model_copy(update={"inclusion_probability": 0.1}), second]
    queries = LakeQueries(
        bench.folder, {"full_requests": [to_row(r) for r in records]}, dt=f"{NOW:%Y-%m-%d}"
    )
    rank_launches(WINDOW, queries=queries, cache=bench.world.cache, lake=bench.lake)
    [row] = bench.rows()
    expected = (10 * bench.percentile_of(first) + bench.percentile_of(second)) / 11
    assert row.rank_percentile == pytest.approx(expected)


def test_who_has_seen_a_launch_or_was_not_offered_it_says_nothing_about_its_rank(
    bench: Bench,
) -> None:
    ask_for_few(bench)
    bench.world.recommend("r-3", "m3", exclude=[LAUNCHED])
    bench.world.recommend("r-4", "m4", candidates=["i0001", "i0002"])
    bench.run()
    [row] = bench.rows()
    assert row.requests == 2
    only_blind = [r for r in bench.world.full() if r.request_id in ("r-3", "r-4")]
    queries = LakeQueries(
        bench.folder, {"full_requests": [to_row(r) for r in only_blind]}, dt=f"{NOW:%Y-%m-%d}"
    )
    lake = MemoryLake()
    told = rank_launches(WINDOW, queries=queries, cache=bench.world.cache, lake=lake)
    assert told == RankReport(0, 0, (), ())
    assert lake.objects == {}


def test_an_item_is_no_launch_any_more_after_a_week(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    for days, ages in ((5, [6]), (6, [])):
        moment = NOW + timedelta(days=days)
        around = Window(moment - timedelta(hours=1), moment + timedelta(hours=1))
        bench.lake.objects.clear()
        bench.run(around, event_time=moment)
        assert [row.age_days for row in bench.rows()] == ages


def test_fallbacks_ranked_nothing(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    assert bench.run(status="fallback") == RankReport(0, 0, (), ())


def test_a_day_is_one_object_whatever_window_asks(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    assert bench.run().keys == ("launch_ranks/dt=2026-03-02/launches-20260302.json.gz",)
    objects = dict(bench.lake.objects)
    bench.run(Window(WINDOW.start + timedelta(minutes=30), WINDOW.end + timedelta(minutes=30)))
    assert bench.lake.objects == objects


def test_no_more_requests_are_ranked_than_are_sampled(bench: Bench) -> None:
    for number in range(4):
        bench.world.recommend(f"r-{number}", "m1")
    bench.run(sample=3)
    assert [row.requests for row in bench.rows()] == [3]


def test_what_cannot_be_ranked_is_refused_and_counted(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    del bench.world.blobs.objects[artefact_key(bench.world.artefact.model_id, "item_matrix.npy")]
    report = bench.run()
    assert (report.ranked_count, report.refused_count, report.keys) == (0, 1, ())
    assert report.refusals == (
        f"artefacts/{bench.world.artefact.model_id}/item_matrix.npy is missing",
    )
