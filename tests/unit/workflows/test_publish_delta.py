from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.memory import MemoryBlobs, MemoryItems, MemoryLake, MemoryQueries
from recsysops.errors import ArtefactError, BadData, DependencyError
from recsysops.model.artefact import artefact_key, unpack_artefact
from recsysops.model.catalogue import Catalogue
from recsysops.model.delta import POINTER_KEY
from recsysops.model.feedback_weights import (
    PLAYS_ONLY,
    FeedbackWeights,
    parse_feedback_weights,
)
from recsysops.ports import QueryEngine, RejectRow, Row
from recsysops.request_log.job_records import ItemSnapshotRow
from recsysops.request_log.records import FeedbackEvent
from recsysops.request_log.schema import decode_record, to_row
from recsysops.serving.static_list import static_list_key
from recsysops.vocabulary import ItemFeatures, ModelPointer
from recsysops.workflows.load_catalogue import (
    CatalogueCache,
    DeltaPointer,
    dump_delta_pointer,
    load_delta,
    load_static_list,
    read_delta_pointer,
)
from recsysops.workflows.publish_delta import OUTCOME_DAYS, publish_delta

from tests.fakes.lake_queries import LakeQueries
from tests.fakes.logged_requests import make_slim
from tests.fakes.served_world import (
    ENCODER,
    HALF_LIVES,
    TRAINED_AT,
    make_artefact_files,
    make_items,
)

ITEMS = make_items(30)
FILES = make_artefact_files(ITEMS)
ARTEFACT = unpack_artefact(FILES)
LATER = TRAINED_AT + timedelta(days=3)


class Bench:
    def __init__(self, items: Sequence[ItemFeatures] = ITEMS) -> None:
        self.blobs = MemoryBlobs(
            {artefact_key(ARTEFACT.model_id, name): body for name, body in FILES.items()}
        )
        self.items = MemoryItems(items)
        self.lake = MemoryLake()
        self.pointer = ModelPointer(production=ARTEFACT.model_id)
        self.rejected: list[tuple[str, str]] = []

    def publish(
        self,
        *,
        as_of: datetime = LATER,
        queries: QueryEngine | None = None,
        weights: FeedbackWeights = PLAYS_ONLY,
    ) -> str:
        return publish_delta(
            items=self.items,
            blobs=self.blobs,
            lake=self.lake,
            queries=queries,
            pointer=self.pointer,
            as_of=as_of,
            reject=lambda item_id, reason: self.rejected.append((item_id, reason)),
            weights=weights,
        )

    def catalogue(self) -> Catalogue:
        pointer = read_delta_pointer(self.blobs)
        return CatalogueCache(self.blobs).load(pointer.model_id, pointer.delta_id)

    def rows(self) -> list[ItemSnapshotRow]:
        return [decode_record(ItemSnapshotRow, row) for row in self.lake.rows("item_snapshots")]


def test_unchanged_items_are_served_with_the_artefacts_vectors() -> None:
    bench = Bench()
    delta_id = bench.publish()
    catalogue = bench.catalogue()
    assert np.array_equal(catalogue.matrix, ARTEFACT.item_matrix)
    assert catalogue.items == ITEMS
    assert load_delta(bench.blobs, delta_id).changed_rows.size == 0
    assert not any(row.changed for row in bench.rows())


def test_what_an_upstream_job_changes_reaches_the_vector_and_the_lake() -> None:
    bench = Bench()
    wrong = "ja" if ITEMS[4].language != "ja" else "en"
    bench.items.put_many([replace(ITEMS[4], language=wrong, version=2)])
    delta_id = bench.publish()
    catalogue = bench.catalogue()
    block = next(block for block in ENCODER.blocks if block.name == "language")
    changed = np.argwhere(catalogue.matrix != ARTEFACT.item_matrix)
    assert set(changed[:, 0].tolist()) == {4}
    assert all(block.start <= column < block.stop for column in changed[:, 1].tolist())
    row = bench.rows()[4]
    assert (row.language, row.version, row.changed, row.delta_id) == (wrong, 2, True, delta_id)
    assert row.simulated == ["language", "price"]
    assert sum(r.changed for r in bench.rows()) == 1


def test_price_and_stock_change_the_row_but_not_the_vector() -> None:
    bench = Bench()
    bench.items.put_many([replace(ITEMS[4], price=0.0, in_stock=False)])
    bench.publish()
    assert (bench.rows()[4].price, bench.rows()[4].changed) == (0.0, False)


def test_anticipation_reaches_the_snapshot_and_the_lake() -> None:
    bench = Bench()
    bench.items.put_many([replace(ITEMS[4], anticipation=41.0)])
    delta_id = bench.publish()
    assert [row.anticipation for row in bench.rows()[3:5]] == [None, 41.0]
    assert load_delta(bench.blobs, delta_id).items[4].anticipation == 41.0
    assert not bench.rows()[4].changed


def test_a_new_item_is_served_by_its_content_and_the_smoothing() -> None:
    bench = Bench()
    bench.items.put_many([replace(ITEMS[0], item_id="zz-new")])
    bench.publish()
    catalogue = bench.catalogue()
    row = catalogue.row_of["zz-new"]
    assert catalogue.matrix[row].tolist() == [*ENCODER.encode(ITEMS[0]).tolist(), 0, 0, 0, 0]
    assert catalogue.bias[row] == pytest.approx((0.7 + 0.2) * np.log(0.5), rel=1e-6)
    assert bench.rows()[row].changed


def test_plays_halve_with_every_half_life() -> None:
    bench = Bench()
    delta = load_delta(bench.blobs, bench.publish(as_of=TRAINED_AT + timedelta(days=3)))
    halves = 0.5 ** (3.0 / np.array(HALF_LIVES))
    expected = np.log(ARTEFACT.play_counts * halves + 0.5)
    assert delta.log_popularity == pytest.approx(expected, rel=1e-5)


def play(number: int, item_id: str, moment: datetime, **changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "event_id": f"e{number}", "request_id": "r", "event_time": moment, "member": "m",
        "member_group": 1, "item_id": item_id, "kind": "play", "value": 1.0, "traffic": "live",
    }  # fmt: skip
    return to_row(FeedbackEvent.model_validate({**plain, **changes}))


def test_plays_from_the_lake_count_once_from_training_up_to_the_moment(tmp_path: Path) -> None:
    midday = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    rows = [
        play(1, "i0003", midday),
        play(1, "i0003", midday),
        play(2, "i0003", midday),
        play(3, "i0003", TRAINED_AT - timedelta(milliseconds=1)),
        play(4, "i0003", LATER),
        play(5, "i0003", midday, kind="click"),
        play(6, "gone", midday),
    ]
    bench = Bench()
    queries = LakeQueries(tmp_path, {"feedback": rows}, dt="2026-03-02")
    delta = load_delta(bench.blobs, bench.publish(queries=queries))
    age_days = (LATER - midday) / timedelta(days=1)
    decayed = ARTEFACT.play_counts[3] * 0.5 ** (3.0 / np.array(HALF_LIVES))
    expected = np.log(decayed + 2 * 0.5 ** (age_days / np.array(HALF_LIVES)) + 0.5)
    assert delta.log_popularity[3] == pytest.approx(expected, rel=1e-5)
    quiet = load_delta(bench.blobs, bench.publish())
    others = np.delete(delta.log_popularity, 3, 0)
    assert np.array_equal(others, np.delete(quiet.log_popularity, 3, 0))


def test_other_feedback_counts_by_its_weight_and_by_default_not_at_all(tmp_path: Path) -> None:
    midday = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    rows = [
        play(1, "i0003", midday),
        play(2, "i0003", midday, kind="click"),
        play(3, "i0003", midday, kind="click"),
        play(4, "i0003", midday, kind="impression"),
        play(5, "i0003", midday, kind="rating", value=2.0),
        play(6, "i0003", midday, kind="rating", value=4.0),
        play(7, "i0003", midday, kind="rating", value=5.0),
    ]
    queries = LakeQueries(tmp_path, {"feedback": rows}, dt="2026-03-02")
    only = LakeQueries(tmp_path / "plays", {"feedback": rows[:1]}, dt="2026-03-02")
    bench = Bench()
    plain = bench.publish(queries=queries)
    assert plain == bench.publish(queries=only), "the same bytes as if nothing else had come"
    weights = parse_feedback_weights(
        '{"click": 0.25, "rating": [{"at_least": 3, "weight": 1}, {"at_least": 4.5, "weight": 3}]}'
    )
    delta = load_delta(bench.blobs, bench.publish(queries=queries, weights=weights))
    halves = 0.5 ** ((LATER - midday) / timedelta(days=1) / np.array(HALF_LIVES))
    decayed = ARTEFACT.play_counts[3] * 0.5 ** (3.0 / np.array(HALF_LIVES))
    worth = 1.0 + 2 * 0.25 + 0.0 + 1.0 + 3.0
    assert delta.log_popularity[3] == pytest.approx(
        np.log(decayed + worth * halves + 0.5), rel=1e-5
    )


def test_publishing_twice_changes_nothing(tmp_path: Path) -> None:
    rows = [play(1, "i0003", LATER - timedelta(hours=2))]
    bench = Bench(ITEMS[::-1])
    queries = LakeQueries(tmp_path, {"feedback": rows}, dt="2026-03-03")
    first = bench.publish(queries=queries)
    blobs, lake = dict(bench.blobs.objects), dict(bench.lake.objects)
    assert bench.publish(queries=queries) == first
    assert (bench.blobs.objects, bench.lake.objects) == (blobs, lake)


def test_a_moment_before_the_training_asks_the_lake_for_no_plays() -> None:
    queries = MemoryQueries()
    Bench().publish(as_of=TRAINED_AT - timedelta(days=1), queries=queries)
    assert [("shown" in sql, "date_diff" in sql) for sql in queries.asked] == [(True, False)]


def shown(number: int, moment: datetime, *item_ids: str) -> dict[str, object]:
    return to_row(make_slim(f"r{number}", event_time=moment, shown=list(item_ids)))


def test_recent_impressions_and_their_plays_are_counted_once(tmp_path: Path) -> None:
    recent, old = LATER - timedelta(days=1), LATER - timedelta(days=OUTCOME_DAYS, seconds=1)
    slim = [
        shown(1, recent, "i0001", "i0002"),
        shown(1, recent, "i0001", "i0002"),
        shown(2, recent, "i0001", "gone"),
        shown(3, old, "i0001"),
        shown(4, LATER, "i0001"),
    ]
    feedback = [
        play(1, "i0001", recent, request_id="r1"),
        play(2, "i0001", recent, request_id="r1"),
        play(3, "i0003", recent, request_id="r1"),
        play(4, "i0002", recent, request_id="r2"),
        play(5, "i0002", recent, request_id="r1", kind="click"),
    ]
    bench = Bench()
    tables = {"slim_requests": slim, "feedback": feedback}
    bench.publish(queries=LakeQueries(tmp_path, tables, dt="2026-03-03"))
    outcomes = bench.catalogue().outcomes
    assert outcomes is not None
    assert outcomes[1:4].tolist() == [[2, 1], [1, 0], [0, 0]]
    assert outcomes.sum(axis=0).tolist() == [3, 1]


def test_without_a_lake_nobody_counted() -> None:
    bench = Bench()
    bench.publish()
    assert bench.catalogue().outcomes is None


class BrokenLake(MemoryLake):
    def write_rows(
        self, table: str, *, rows: Sequence[Row], ingest_time: datetime, name: str
    ) -> str:
        raise DependencyError("lake is down")


def test_nothing_half_written_is_ever_pointed_to() -> None:
    bench = Bench()
    bench.publish(as_of=TRAINED_AT + timedelta(days=1))
    before = bench.blobs.get(POINTER_KEY)
    bench.lake = BrokenLake()
    with pytest.raises(DependencyError):
        bench.publish()
    assert bench.blobs.get(POINTER_KEY) == before


def test_an_empty_item_table_is_refused_and_the_old_catalogue_stays() -> None:
    bench = Bench()
    bench.publish()
    bench.items = MemoryItems()
    with pytest.raises(BadData, match="empty"):
        bench.publish(as_of=LATER + timedelta(days=1))
    assert len(bench.catalogue().items) == len(ITEMS)


def test_a_number_that_is_none_is_refused_before_anything_is_written() -> None:
    bench = Bench()
    bench.items.put_many([replace(ITEMS[4], price=float("nan"))])
    with pytest.raises(BadData, match="price"):
        bench.publish()
    assert POINTER_KEY not in bench.blobs.objects
    assert not [key for key in bench.blobs.objects if key.startswith("deltas/")]


def test_half_lives_that_only_the_candidate_needs_are_published_too() -> None:
    bench = Bench()
    terms = [{"half_life_days": days, "weight": 1.0} for days in (10.0, 45.0)]
    files = make_artefact_files(ITEMS, seed=9, popularity=terms)
    candidate = unpack_artefact(files)
    for name, body in files.items():
        bench.blobs.put(artefact_key(candidate.model_id, name), body)
    bench.pointer = ModelPointer(ARTEFACT.model_id, candidate.model_id)
    delta = load_delta(bench.blobs, bench.publish())
    assert delta.half_life_days == (1.5, 10.0, 45.0)
    expected = np.log(candidate.play_counts[:, 1] * 0.5 ** (3.0 / 45.0) + 0.5)
    assert delta.log_popularity[:, 2] == pytest.approx(expected, rel=1e-5)
    CatalogueCache(bench.blobs).load(candidate.model_id, delta.delta_id)


def test_a_corrupt_candidate_does_not_keep_production_from_being_fresh() -> None:
    bench = Bench()
    bench.pointer = ModelPointer(ARTEFACT.model_id, "m-not-there")
    assert bench.publish()


def test_a_corrupt_production_model_is_one_clear_line() -> None:
    bench = Bench()
    bench.pointer = ModelPointer("m-not-there")
    with pytest.raises(ArtefactError, match="m-not-there"):
        bench.publish()


def test_beside_the_snapshot_lies_its_list_of_popular_items_that_have_launched() -> None:
    bench = Bench()
    delta_id = bench.publish()
    static = load_static_list(bench.blobs, delta_id)
    rows = sorted(bench.rows(), key=lambda row: (-row.log_popularity, row.item_id))
    today = LATER.date().isoformat()
    launched = [row.item_id for row in rows if (row.launch_date or "") <= today]
    assert list(static.item_ids) == launched
    assert len(launched) == len(ITEMS) - 1
    body = bench.blobs.get(static_list_key(delta_id))
    bench.publish()
    assert bench.blobs.get(static_list_key(delta_id)) == body, "immutable"


class BusyBlobs(MemoryBlobs):
    """Somebody else moves the pointer while it is being looked at, as two publications do."""

    def update(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        change(self.objects.get(key))
        later = DeltaPointer("d-later", LATER + timedelta(hours=1), ARTEFACT.model_id)
        self.put(key, dump_delta_pointer(later))
        super().update(key, change)


def test_a_publication_that_began_earlier_never_wins_by_ending_later() -> None:
    bench = Bench()
    bench.blobs = BusyBlobs(bench.blobs.objects)
    bench.publish()
    assert read_delta_pointer(bench.blobs).delta_id == "d-later"


def test_a_garbled_pointer_is_replaced() -> None:
    bench = Bench()
    bench.blobs.put(POINTER_KEY, b"garbage")
    delta_id = bench.publish()
    assert read_delta_pointer(bench.blobs).delta_id == delta_id


def test_the_pointer_does_not_lie_where_snapshots_expire() -> None:
    bench = Bench()
    bench.publish()
    assert [key for key in bench.blobs.list_keys("deltas/") if "pointer" in key] == []


class MistypedItems(MemoryItems):
    """A table in which an upstream job mistyped some rows."""

    mistyped: tuple[str, ...] = ()

    def scan(self, *, reject: RejectRow | None = None) -> Iterator[ItemFeatures]:
        for item in super().scan():
            if item.item_id not in self.mistyped:
                yield item
            elif reject is None:
                raise BadData(f"item {item.item_id}: attribute price cannot be 'cheap'")
            else:
                reject(item.item_id, "attribute price cannot be 'cheap'")


def test_a_mistyped_row_keeps_its_last_good_version_and_does_not_hold_up_the_others() -> None:
    bench = Bench()
    bench.items = MistypedItems(ITEMS)
    bench.publish()
    bench.items.put_many([replace(ITEMS[4], price=1.0), replace(ITEMS[5], price=2.0)])
    bench.items.mistyped = (ITEMS[4].item_id,)
    bench.publish(as_of=LATER + timedelta(hours=1))
    prices = {item.item_id: item.price for item in bench.catalogue().items}
    assert len(prices) == len(ITEMS)
    assert prices[ITEMS[4].item_id] == ITEMS[4].price
    assert prices[ITEMS[5].item_id] == 2.0
    assert [item_id for item_id, _ in bench.rejected] == [ITEMS[4].item_id]
    assert bench.rejected[0][1] == "attribute price cannot be 'cheap'; as before"


def test_a_new_item_that_is_mistyped_is_left_out_and_told() -> None:
    bench = Bench()
    bench.items = MistypedItems(ITEMS)
    bench.publish()
    bench.items.put_many([replace(ITEMS[0], item_id="zz-new")])
    bench.items.mistyped = ("zz-new",)
    bench.publish(as_of=LATER + timedelta(hours=1))
    assert "zz-new" not in bench.catalogue().row_of
    assert [reason.rpartition("; ")[2] for _, reason in bench.rejected] == ["left out"]


def test_mistyped_rows_before_the_first_snapshot_are_left_out() -> None:
    bench = Bench()
    bench.items = MistypedItems(ITEMS)
    bench.items.mistyped = (ITEMS[0].item_id,)
    bench.publish()
    assert len(bench.catalogue().items) == len(ITEMS) - 1
