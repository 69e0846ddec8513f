"""Launches of a small world whose right answers are known by construction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryBlobs, MemoryMembers, MemoryNotifier, MemoryRegistry
from recsysops.errors import CouldNotJudge
from recsysops.model.artefact import artefact_key, pack_artefact, unpack_artefact
from recsysops.model.delta import POINTER_KEY, delta_key
from recsysops.model.packing import pack_vector
from recsysops.vocabulary import ItemFeatures, Member, ModelEntry
from recsysops.workflows.launch_history import read_past_launches
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


def make_stack(items: Sequence[ItemFeatures], *, candidate: bool = False) -> LaunchStack:
    """Members who love French films, and a model in which launches start well."""
    first = unpack_artefact(make_artefact_files(items))
    matrix = first.item_matrix.copy()
    matrix[:, ENCODER.content_width :] = 0.0
    rng = np.random.default_rng(3)
    launched = np.array([i.launch_date is not None and i.launch_date < TODAY for i in items])
    counts = np.where(launched[:, None], rng.gamma(40.0, size=(len(items), 1)), 0.5) + np.zeros(2)
    named = first.manifest.model_dump(exclude={"model_id", "schema_hash", "files"})
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
    assert not predict_launches(as_of=AS_OF, ports=stack, flag=lambda _: ()).flagged


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


def test_even_plays_since_launch_are_read_back_from_the_decayed_count(stack: LaunchStack) -> None:
    artefact = load_artefact(stack.blobs, stack.model_id)
    delta = load_delta(stack.blobs, read_delta_pointer(stack.blobs).delta_id)
    past = read_past_launches(delta, artefact, queries=stack.lake, as_of=AS_OF)
    one = past[0]
    row = artefact.item_ids.tolist().index(one.item.item_id)
    age_days = (TRAINED_AT.date() - one.launched_on).days
    # two plays a day, decayed at ten days: what the count would be, numerically
    each_hour = np.arange(age_days * 24) / 24.0
    count_of_two_a_day = (2.0 / 24.0 * 0.5 ** (each_hour / 10.0)).sum()
    expected = 2.0 * artefact.play_counts[row, 1] / count_of_two_a_day
    assert one.daily_plays == pytest.approx((expected,) * 7, rel=0.01)
