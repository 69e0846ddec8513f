"""Launches of a small world whose right answers are known by construction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryBlobs, MemoryMembers, MemoryNotifier, MemoryRegistry
from recsysops.errors import ArtefactError, CouldNotJudge
from recsysops.model.artefact import artefact_key, pack_artefact, unpack_artefact
from recsysops.model.delta import POINTER_KEY, delta_key
from recsysops.model.packing import pack_vector
from recsysops.prediction.harm import STANDING_RATE
from recsysops.request_log.job_records import ItemSnapshotRow
from recsysops.request_log.records import FeedbackEvent, SlimRequest
from recsysops.request_log.schema import to_row
from recsysops.vocabulary import ItemFeatures, Member, ModelEntry, PastLaunch
from recsysops.workflows.launch_history import REMEMBERED_DAYS, read_past_launches
from recsysops.workflows.launch_record import read_dangers, read_metadata_tracks
from recsysops.workflows.load_catalogue import (
    DeltaPointer,
    dump_delta_pointer,
    load_artefact,
    load_delta,
    read_delta_pointer,
)
from recsysops.workflows.predict_launches import predict_launches

from tests.fakes.served_world import (
    AS_OF,
    ENCODER,
    TRAINED_AT,
    make_artefact_files,
    make_delta,
    make_items,
)

TODAY = AS_OF.date()
FRENCH = "supplier-1"
FIRST_WEEK = (20.0, 12.0, 8.0, 5.0, 4.0, 3.0, 2.0)
SOUND, MISSING = "i0000", "i0003"
"""Two upcoming items of the supplier that delivers French films only."""


@dataclass
class LaunchStack:
    blobs: MemoryBlobs
    members: MemoryMembers
    registry: MemoryRegistry
    lake: DuckDbLake
    model_id: str
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)

    @property
    def queries(self) -> DuckDbLake:
        return self.lake

    def listed(self) -> list[dict[str, object]]:
        return self.lake.run("SELECT * FROM launch_forecasts ORDER BY item_id, role")


def make_catalogue(past: int, *, missing: str | None = None) -> tuple[ItemFeatures, ...]:
    """240 items: one supplier all French, the others English; past launches are English."""
    items = []
    for row, item in enumerate(make_items(240)):
        french = item.source == FRENCH
        launch: date | None = None
        if item.item_id in (SOUND, MISSING):
            launch = TODAY + timedelta(days=9)
        elif not french and row < past * 3 // 2:
            launch = TODAY - timedelta(days=8 + row % 75)
        language = missing if item.item_id == MISSING else "fr" if french else "en"
        items.append(replace(item, language=language, launch_date=launch, year=1990))
    return tuple(items)


def make_stack(
    items: Sequence[ItemFeatures],
    *,
    candidate: bool = False,
    first_weeks: bool = True,
    popular: Callable[[ItemFeatures], float] = lambda _: 1.0,
) -> LaunchStack:
    """Members who love French films, and a model in which launches start well."""
    first = unpack_artefact(make_artefact_files(items))
    matrix = first.item_matrix.copy()
    matrix[:, ENCODER.content_width :] = 0.0
    rng = np.random.default_rng(3)
    launched = np.array([i.launch_date is not None and i.launch_date < TODAY for i in items])
    counts = np.where(launched[:, None], rng.gamma(40.0, size=(len(items), 1)), 0.5) + np.zeros(2)
    named = first.manifest.model_dump(exclude={"model_id", "schema_hash", "files"})
    if first_weeks:
        named["first_weeks"] = {
            item.item_id: tuple(popular(item) * plays for plays in FIRST_WEEK)
            for item in items
            if item.launch_date is not None and item.launch_date < TODAY
        }
    files = pack_artefact(
        manifest=named, item_ids=first.item_ids, item_matrix=matrix, play_counts=counts
    )
    artefact = unpack_artefact(files)
    delta_id, body = make_delta(artefact, items)
    blobs = MemoryBlobs({artefact_key(artefact.model_id, k): v for k, v in files.items()})
    blobs.put(delta_key(delta_id), body)
    blobs.put(POINTER_KEY, dump_delta_pointer(DeltaPointer(delta_id, AS_OF, artefact.model_id)))
    entries = [ModelEntry(artefact.model_id, "production", TRAINED_AT)]
    if candidate:
        entries.append(ModelEntry("m-lost", "candidate", TRAINED_AT))
    french = ENCODER.encode(replace(items[0], genres=(), year=None, language="fr"))
    taste = np.concatenate([4.0 * french, np.zeros(4, dtype=np.float32)]).astype(np.float32)
    members = [
        Member(f"m{n}", {artefact.model_id: pack_vector(taste, owner=artefact.owner)}, (), "s")
        for n in range(30)
    ]
    return LaunchStack(
        blobs,
        MemoryMembers(members),
        MemoryRegistry(entries),
        DuckDbLake(clock=lambda: AS_OF),
        artefact.model_id,
    )


@pytest.fixture
def stack() -> Iterator[LaunchStack]:
    made = make_stack(make_catalogue(90))
    yield made
    made.lake.close()


def test_it_flags_the_launch_whose_language_is_missing_and_says_so(stack: LaunchStack) -> None:
    predicted = predict_launches(as_of=AS_OF, ports=stack)
    sound, missing = predicted.rows
    assert (sound.item_id, missing.item_id) == (SOUND, MISSING)
    assert not sound.flagged
    assert missing.flagged
    assert missing.reasons[0].startswith("language is missing; most peers have fr")
    assert sound.panel_share > missing.panel_share + 0.5
    assert [row.item_id for row in predicted.flagged] == [MISSING]
    assert len(stack.notifier.messages) == 1, "one page for all flagged launches"


def test_with_sound_metadata_nothing_is_flagged_and_nobody_is_paged() -> None:
    stack = make_stack(make_catalogue(90, missing="fr"))
    predicted = predict_launches(as_of=AS_OF, ports=stack)
    assert len(predicted.rows) == 2
    assert not predicted.flagged
    assert not stack.notifier.messages


def test_the_flagger_decides(stack: LaunchStack) -> None:
    assert not predict_launches(as_of=AS_OF, ports=stack, flag=lambda _, __: ()).flagged


def test_a_repeated_run_replaces_its_rows_and_a_later_one_adds(stack: LaunchStack) -> None:
    predict_launches(as_of=AS_OF, ports=stack)
    once = stack.listed()
    predict_launches(as_of=AS_OF, ports=stack)
    assert stack.listed() == once
    predict_launches(as_of=AS_OF + timedelta(days=1), ports=stack)
    assert len(stack.listed()) == 2 * len(once)


def test_intervals_hold_the_forecast(stack: LaunchStack) -> None:
    for row in predict_launches(as_of=AS_OF, ports=stack).rows:
        assert row.low is not None
        assert row.high is not None
        assert 0.0 <= row.low <= row.panel_share <= row.high <= 1.0


def test_too_few_past_launches_are_refused_and_nothing_is_written() -> None:
    stack = make_stack(make_catalogue(20))
    with pytest.raises(CouldNotJudge, match="past launches are too few"):
        predict_launches(as_of=AS_OF, ports=stack)
    assert not stack.listed()


def test_without_an_upcoming_launch_nothing_is_written(stack: LaunchStack) -> None:
    assert predict_launches(as_of=AS_OF + timedelta(days=3), ports=stack).rows == ()
    assert not stack.listed()


def test_a_candidate_that_is_lost_does_not_hold_up_production() -> None:
    stack = make_stack(make_catalogue(90), candidate=True)
    predicted = predict_launches(as_of=AS_OF, ports=stack)
    assert {row.role for row in predicted.rows} == {"production"}
    assert "m-lost" in str(predicted.candidate_refusal)


def test_without_a_model_in_production_it_refuses(stack: LaunchStack) -> None:
    stack.registry = MemoryRegistry()
    with pytest.raises(CouldNotJudge, match="no model"):
        predict_launches(as_of=AS_OF, ports=stack)


def read_past(stack: LaunchStack, items: Sequence[ItemFeatures]) -> list[PastLaunch]:
    artefact = load_artefact(stack.blobs, stack.model_id)
    delta = load_delta(stack.blobs, read_delta_pointer(stack.blobs).delta_id)
    assert delta.items == tuple(items)
    return read_past_launches(delta, artefact, queries=stack.lake, as_of=AS_OF)


def test_first_weeks_come_from_the_artefact_and_later_plays_from_the_lake() -> None:
    """Launched nine days before the snapshot, eight before the training: days 1 to 7 are known."""
    items = make_catalogue(90)
    stack = make_stack(items)
    newest = read_past(stack, items)[-1]
    assert newest.daily_plays == FIRST_WEEK
    play = FeedbackEvent(
        event_id="e1",
        request_id="",
        event_time=TRAINED_AT + timedelta(hours=1),
        member="m",
        member_group=1,
        item_id=newest.item.item_id,
        kind="play",
        value=1.0,
        traffic="live",
    )
    stack.lake.write_rows("feedback", rows=[to_row(play)], ingest_time=AS_OF, name="f")
    assert read_past(stack, items)[-1].daily_plays == FIRST_WEEK, "it was played after its week"


def test_a_launch_that_the_artefact_does_not_know_is_left_out_not_taken_for_unplayed() -> None:
    items = make_catalogue(90)
    known = read_past(make_stack(items), items)
    forgotten = read_past(make_stack(items, first_weeks=False), items)
    assert len(known) == 90
    assert forgotten == []


def test_anticipation_separates_a_big_launch_from_a_small_one() -> None:
    """Past launches with 50 signs got many plays, those with 5 few: so will the next ones."""
    items = [
        replace(item, anticipation=None if not item.launch_date else 50.0 if row % 2 else 5.0)
        for row, item in enumerate(make_catalogue(90, missing="fr"))
    ]
    items[0] = replace(items[0], anticipation=50.0)
    items[3] = replace(items[3], anticipation=5.0)
    stack = make_stack(items, popular=lambda item: 12.0 if item.anticipation == 50.0 else 0.02)
    awaited, ignored = predict_launches(as_of=AS_OF, ports=stack).rows
    assert awaited.panel_share > ignored.panel_share + 0.3


def snapshot_row(
    item: ItemFeatures, as_of: datetime, **changes: object
) -> tuple[datetime, dict[str, object]]:
    row = ItemSnapshotRow(
        schema_version=1, delta_id=f"d-{as_of:%Y%m%d}", as_of=as_of, model_id="m",
        item_id=item.item_id, item_group=0, title=item.title, genres=list(item.genres),
        year=item.year, language=item.language, price=item.price, in_stock=item.in_stock,
        launch_date=str(item.launch_date), source=item.source, batch=item.batch,
        version=item.version, changed=False, log_popularity=0.0, simulated=[],
        anticipation=item.anticipation,
    )  # fmt: skip
    return as_of, {**to_row(row), **changes}


def keep_history(stack: LaunchStack, *rows: tuple[datetime, dict[str, object]]) -> None:
    for number, (as_of, row) in enumerate(rows):
        stack.lake.write_rows("item_snapshots", rows=[row], ingest_time=as_of, name=f"h{number}")


def test_metadata_a_week_before_and_after_a_launch_are_read_from_the_snapshots(
    stack: LaunchStack,
) -> None:
    """Of each side the snapshot nearest to the launch counts, but none within the week."""
    item = replace(make_catalogue(90)[1], launch_date=TODAY - timedelta(days=20), anticipation=9.0)
    opened = datetime.combine(item.launch_date or TODAY, datetime.min.time(), UTC)
    days = {-30: "ja", -8: None, -2: "xx", 3: "yy", 8: "en", 15: "fr"}
    keep_history(
        stack,
        *(
            snapshot_row(item, opened + timedelta(days=day), language=language)
            for day, language in days.items()
        ),
    )
    (track,) = read_metadata_tracks(
        [item], queries=stack.lake, as_of=AS_OF, remembered_days=REMEMBERED_DAYS
    )
    assert (track.before.language, track.after.language) == (None, "en")
    assert (track.before.genres, track.before.year) == (item.genres, item.year)
    assert track.before.anticipation == 9.0


def test_a_supplier_that_always_repairs_in_time_is_not_flagged(stack: LaunchStack) -> None:
    rows = []
    for item in make_catalogue(90):
        if item.launch_date and item.launch_date < TODAY:
            opened = datetime.combine(item.launch_date, datetime.min.time(), UTC)
            french = replace(item, source=FRENCH)
            rows.append(snapshot_row(french, opened - timedelta(days=9), language=None))
            rows.append(snapshot_row(french, opened + timedelta(days=8)))
    assert predict_launches(as_of=AS_OF, ports=stack).flagged
    keep_history(stack, *rows)
    assert not predict_launches(as_of=AS_OF, ports=stack).flagged


def test_earlier_forecasts_set_the_level_from_which_flags_are_raised(stack: LaunchStack) -> None:
    """Sixty earlier dangers of 0.9 and hundreds of 0.5: now only the surest harm is flagged."""
    (missing,) = predict_launches(as_of=AS_OF, ports=stack).flagged
    assert missing.harm_probability == pytest.approx(STANDING_RATE)
    earlier = AS_OF - timedelta(days=30)
    for number in range(60):
        row = missing.model_copy(
            update={"item_id": f"old{number}", "as_of": earlier, "harm_probability": 0.5}
        )
        stack.lake.write_rows(
            "launch_forecasts", rows=[to_row(row)], ingest_time=earlier, name=f"old{number}"
        )
    assert read_dangers(queries=stack.lake, as_of=AS_OF) == [0.5] * 60
    assert not predict_launches(as_of=AS_OF, ports=stack).flagged


def test_the_model_that_answered_is_dry_run_not_the_one_that_is_registered(
    stack: LaunchStack,
) -> None:
    earlier = ModelEntry(stack.model_id, "retired", TRAINED_AT)
    stack.registry = MemoryRegistry([ModelEntry("m-zeroed", "production", TRAINED_AT), earlier])
    with pytest.raises(ArtefactError, match="m-zeroed"):
        predict_launches(as_of=AS_OF, ports=stack)
    asked = [slim_line(n, stack.model_id if n else "m-zeroed") for n in range(3)]
    stack.lake.write_rows("slim_requests", rows=asked, ingest_time=AS_OF, name="s")
    predicted = predict_launches(as_of=AS_OF, ports=stack)
    assert {row.model_id for row in predicted.rows} == {stack.model_id}


def test_a_model_that_only_mirrored_traffic_names_is_not_dry_run(stack: LaunchStack) -> None:
    asked = [slim_line(n, "somebody-elses") for n in range(3)]
    stack.lake.write_rows("slim_requests", rows=asked, ingest_time=AS_OF, name="s")
    predicted = predict_launches(as_of=AS_OF, ports=stack)
    assert {row.model_id for row in predicted.rows} == {stack.model_id}


def slim_line(number: int, model_id: str) -> dict[str, object]:
    return to_row(
        SlimRequest(
            schema_version=1, request_id=f"r{number}", event_time=AS_OF - timedelta(hours=3),
            surface="home", member="m", member_group=1, member_known=True, model_id=model_id,
            delta_id="", flag_version="", hotfix_ids=[], arm="greedy", shown=[], scores=[],
            propensities=[], eligible_count=1, status="ok", fallback_reason=None, latency_ms=1.0,
            stratum="s", inclusion_probability=0.0, full=False, traffic="live",
        )
    )  # fmt: skip
