from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from recsysops.adapters.memory import MemoryLake
from recsysops.model.artefact import artefact_key
from recsysops.request_log.job_records import ChoiceRank
from recsysops.request_log.records import FeedbackEvent, FullRequest
from recsysops.request_log.schema import decode_record, to_row
from recsysops.serving.flag_document import (
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.serving.ranking import rank_slate
from recsysops.serving.replay import ranking_request_of
from recsysops.vocabulary import Window
from recsysops.workflows.logged_rankings import RankReport
from recsysops.workflows.rank_choices import rank_choices, read_choices

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.served_world import NOW, ServedWorld, make_world
from tests.fakes.small_catalogue import make_hotfix

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))


class Bench:
    """A served world, its log in a lake, and what members chose."""

    def __init__(self, folder: Path, world: ServedWorld) -> None:
        self.folder, self.world = folder, world
        self.choices: list[dict[str, object]] = []
        self.lake = MemoryLake()

    def choose(self, request_id: str, item_id: str, *, seconds: float = 5, **more: object) -> None:
        event = {
            "event_id": f"e{len(self.choices)}", "request_id": request_id, "kind": "play",
            "event_time": NOW + timedelta(seconds=seconds), "member": "m", "member_group": 1,
            "item_id": item_id, "value": 1.0, "traffic": "live", **more,
        }  # fmt: skip
        self.choices.append(to_row(FeedbackEvent.model_validate(event)))

    def run(self, window: Window = WINDOW) -> RankReport:
        rows = {
            "feedback": self.choices,
            "full_requests": [to_row(record) for record in self.world.full()],
        }
        queries = LakeQueries(self.folder, rows, dt=f"{NOW:%Y-%m-%d}")
        return rank_choices(window, queries=queries, cache=self.world.cache, lake=self.lake)

    def ranks(self) -> list[ChoiceRank]:
        return [decode_record(ChoiceRank, row) for row in self.lake.rows("choice_ranks")]

    def record(self, request_id: str) -> FullRequest:
        return next(r for r in self.world.full() if r.request_id == request_id)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, make_world())


def test_a_choice_gets_the_rank_it_had_among_all_eligible_items(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    bench.world.recommend("r-2", "nobody", limit=5)
    first, second = bench.record("r-1"), bench.record("r-2")
    bench.choose("r-1", first.shortlist[0])
    bench.choose("r-1", first.shortlist[41])
    bench.choose("r-2", second.shortlist[99])
    assert bench.run().ranked_count == 3
    found = {(row.request_id, row.item_id): row for row in bench.ranks()}
    assert found["r-1", first.shortlist[0]].rank == 1
    assert found["r-1", first.shortlist[41]].rank == 42
    row = found["r-2", second.shortlist[99]]
    assert (row.rank, row.eligible, row.in_shortlist) == (100, True, True)
    assert (row.eligible_count, row.inclusion_probability) == (second.eligible_count, 1.0)
    assert (row.member, row.model_id, row.delta_id, row.surface) == (
        second.member, second.model_id, second.delta_id, "home",
    )  # fmt: skip
    assert row.event_time == NOW + timedelta(seconds=5)


def test_a_choice_tells_whether_its_member_was_known_how_active_and_where(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    bench.world.recommend("r-2", "nobody", context={"country": "FR"}, limit=5)
    bench.choose("r-1", bench.record("r-1").shortlist[0])
    bench.choose("r-2", bench.record("r-2").shortlist[0])
    bench.run()
    found = {row.request_id: (row.member_known, row.country, row.activity) for row in bench.ranks()}
    assert found == {"r-1": (True, None, "light"), "r-2": (False, "FR", "none")}


def test_a_choice_below_the_shortlist_is_ranked_against_everything(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    record, catalogue = bench.record("r-1"), bench.world.catalogue
    request = ranking_request_of(record, catalogue)
    below = [i.item_id for i in catalogue.items if i.item_id not in record.shortlist]
    eligible = [item_id for item_id in below if item_id not in record.excluded][:-1]
    slate = rank_slate(catalogue, request)
    assert slate.eligible_count == len(record.shortlist) + len(eligible)
    for item_id in eligible:
        bench.choose("r-1", item_id)
    bench.run()
    assert sorted(row.rank or 0 for row in bench.ranks()) == list(
        range(101, slate.eligible_count + 1)
    )
    assert not any(row.in_shortlist for row in bench.ranks())


def test_items_that_could_not_be_ranked_are_counted_apart(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1", candidates=["i0002", "i0003"], exclude=["i0003"])
    for item_id in ("i0002", "i0003", "i0004", "ghost"):
        bench.choose("r-1", item_id)
    bench.run()
    found = {row.item_id: (row.eligible, row.rank, row.eligible_count) for row in bench.ranks()}
    assert found == {
        "i0002": (True, 1, 1),
        "i0003": (False, None, 1),
        "i0004": (False, None, 1),
        "ghost": (False, None, 1),
    }


def test_only_choices_with_a_full_record_count_and_each_once(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    bench.choose("r-1", "i0005")
    bench.choose("r-1", "i0005", kind="rating", seconds=9)
    bench.choose("r-1", "i0006", kind="impression")
    bench.choose("r-1", "i0007", kind="click")
    bench.choose("r-unlogged", "i0011")
    bench.run()
    assert sorted(row.item_id for row in bench.ranks()) == ["i0005", "i0007"]


def test_a_choice_made_the_day_after_its_request_finds_it(tmp_path: Path) -> None:
    queries = LakeQueries(tmp_path, {"feedback": [], "full_requests": []}, dt="2026-03-02")
    day = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert read_choices(queries, day) == []
    assert "f.dt >= '2026-03-02'" in queries.asked[0]
    assert "r.dt >= '2026-03-01'" in queries.asked[0]


def test_whole_days_are_ranked_one_object_each(bench: Bench) -> None:
    hour = 3_600.0
    bench.world.recommend("r-1", "m1")
    bench.choose("r-1", "i0005", seconds=-12 * hour)
    bench.choose("r-1", "i0006", seconds=12 * hour - 0.001)
    bench.choose("r-1", "i0007", seconds=12 * hour)
    bench.choose("r-1", "i0008", seconds=-12 * hour - 0.001)
    report = bench.run()
    assert report.keys == ("choice_ranks/dt=2026-03-02/choices-20260302.json.gz",)
    assert sorted(row.item_id for row in bench.ranks()) == ["i0005", "i0006"]
    both = bench.run(Window(NOW - timedelta(hours=13), NOW))
    assert both.keys == (
        "choice_ranks/dt=2026-03-01/choices-20260301.json.gz",
        "choice_ranks/dt=2026-03-02/choices-20260302.json.gz",
    )
    assert sorted(row.item_id for row in bench.ranks()) == ["i0005", "i0006", "i0008"]


def test_neither_a_repeat_nor_an_overlapping_window_counts_a_choice_twice(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    bench.choose("r-1", "i0005")
    bench.run()
    objects = dict(bench.lake.objects)
    bench.run()
    bench.run(Window(WINDOW.start + timedelta(minutes=30), WINDOW.end + timedelta(minutes=30)))
    assert bench.lake.objects == objects


def test_a_window_without_choices_writes_nothing(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    assert bench.run() == RankReport(0, 0, (), ())
    assert bench.lake.objects == {}


def test_choices_are_ranked_under_the_hotfixes_of_their_request(bench: Bench) -> None:
    world = bench.world
    world.recommend("r-before", "m1")
    best, next_best = bench.record("r-before").shortlist[:2]
    later: datetime = NOW + timedelta(days=1)
    fix = make_hotfix("block_items", {"item_ids": (best,)}, expires_at=later)
    world.flags.document = build_flag_document([fix])
    world.blobs.put(
        flag_document_key(world.flags.document.version),
        dump_flag_document(world.flags.document).encode(),
    )
    world.recommend("r-after", "m1")
    for request_id in ("r-before", "r-after"):
        bench.choose(request_id, best)
        bench.choose(request_id, next_best)
    bench.run()
    found = {(row.request_id, row.item_id): row.rank for row in bench.ranks()}
    assert found == {
        ("r-before", best): 1,
        ("r-before", next_best): 2,
        ("r-after", best): None,
        ("r-after", next_best): 1,
    }


def test_what_cannot_be_rescored_is_refused_and_counted(bench: Bench) -> None:
    bench.world.recommend("r-1", "m1")
    bench.choose("r-1", "i0005")
    bench.choose("r-1", "i0006")
    del bench.world.blobs.objects[artefact_key(bench.world.artefact.model_id, "item_matrix.npy")]
    report = bench.run()
    assert (report.ranked_count, report.refused_count, report.keys) == (0, 2, ())
    assert report.refusals == (
        f"artefacts/{bench.world.artefact.model_id}/item_matrix.npy is missing",
    )
