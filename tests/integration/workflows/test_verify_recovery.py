"""Recovered means: every member got what they would have got without the fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from recsysops.errors import CouldNotJudge
from recsysops.request_log.records import FullRequest
from recsysops.vocabulary import Hotfix, ModelPointer
from recsysops.workflows.load_catalogue import load_delta
from recsysops.workflows.verify_recovery import Recovery, mend_delta, verify_recovery

from tests.fakes.broken_world import (
    BROKEN,
    RECOVERED,
    REQUESTS,
    BrokenWorld,
    make_broken_world,
)
from tests.fakes.served_world import make_artefact_files
from tests.fakes.small_catalogue import make_hotfix


@pytest.fixture
def world() -> Iterator[BrokenWorld]:
    made = make_broken_world()
    yield made
    made.lake.close()


def lose_japanese(world: BrokenWorld) -> list[str]:
    return world.change_items(
        lambda item: replace(item, language=None) if item.language == "ja" else item
    )


def override_language(world: BrokenWorld, items: Sequence[str], **changes: object) -> Hotfix:
    before = {i.item_id: i.language for i in load_delta(world.blobs, world.deltas[0]).items}
    values = {item_id: before[item_id] for item_id in items}
    return make_hotfix("override_feature", {"feature": "language", "values": values}, **changes)


def verify(
    world: BrokenWorld, records: Sequence[FullRequest], items: Sequence[str] = ()
) -> Recovery:
    return verify_recovery(
        records,
        cache=world.cache,
        item_ids=items,
        good_delta_id=world.deltas[0],
        good_model_id=world.good.model_id,
    )


def test_an_override_with_the_last_good_values_makes_every_ranking_as_before(
    world: BrokenWorld,
) -> None:
    hit = lose_japanese(world)
    world.serve_day(BROKEN)
    world.deploy(override_language(world, hit))
    world.serve_day(RECOVERED)
    recovery = verify(world, world.records(RECOVERED), hit)
    assert recovery == Recovery(records=REQUESTS, protected=REQUESTS, as_before=REQUESTS)
    assert recovery.is_recovered


def test_without_a_hotfix_rankings_differ_from_those_without_the_fault(
    world: BrokenWorld,
) -> None:
    hit = lose_japanese(world)
    world.serve_day(BROKEN)
    recovery = verify(world, world.records(BROKEN), hit)
    assert recovery.protected == 0
    assert recovery.as_before < recovery.records
    assert not recovery.is_recovered


def test_a_hotfix_for_half_of_the_members_recovers_only_theirs(world: BrokenWorld) -> None:
    hit = lose_japanese(world)
    world.deploy(override_language(world, hit, percent=50.0))
    world.serve_day(BROKEN)
    records = world.records(BROKEN)
    recovery = verify(world, records, hit)
    assert 0 < recovery.protected < recovery.records
    assert recovery.protected <= recovery.as_before < recovery.records
    protected = [record for record in records if record.hotfix_ids]
    assert verify(world, protected, hit).is_recovered


def test_an_override_with_wrong_values_is_no_recovery(world: BrokenWorld) -> None:
    hit = lose_japanese(world)
    values = dict.fromkeys(hit, "fr")
    wrong = make_hotfix("override_feature", {"feature": "language", "values": values})
    world.deploy(wrong)
    world.serve_day(BROKEN)
    recovery = verify(world, world.records(BROKEN), hit)
    assert recovery.protected == REQUESTS
    assert not recovery.is_recovered


def test_nothing_that_another_model_ranked_is_as_before_whatever_its_half_lives(
    world: BrokenWorld,
) -> None:
    popularity = [{"half_life_days": days, "weight": 0.5} for days in (3.0, 30.0)]
    items = list(world.items.scan())
    wrong = world.add_model(make_artefact_files(items, 7, popularity=popularity), seed=7)
    world.flags.pointer = ModelPointer(wrong)
    world.serve_day(BROKEN)
    assert verify(world, world.records(BROKEN)).as_before == 0


def test_pinning_the_good_model_recovers_from_a_wrong_one(world: BrokenWorld) -> None:
    items = list(world.items.scan())
    wrong = world.add_model(make_artefact_files(items, 7), seed=7)
    world.flags.pointer = ModelPointer(wrong)
    world.deploy(make_hotfix("pin_model", {"model_id": world.good.model_id}))
    world.serve_day(BROKEN)
    assert verify(world, world.records(BROKEN)) == Recovery(REQUESTS, REQUESTS, REQUESTS)


def test_without_records_nothing_can_be_said(world: BrokenWorld) -> None:
    with pytest.raises(CouldNotJudge, match="no full record"):
        verify(world, [])


def test_mending_restores_named_items_only_and_keeps_popularity(world: BrokenWorld) -> None:
    hit = lose_japanese(world)
    world.serve_day(BROKEN)
    good, bad = (load_delta(world.blobs, delta_id) for delta_id in world.deltas)
    mended = mend_delta(bad, good, hit[:3])
    language = {item.item_id: item.language for item in mended.items}
    assert [language[item_id] for item_id in hit] == ["ja"] * 3 + [None] * (len(hit) - 3)
    assert mended.log_popularity is bad.log_popularity
    assert mend_delta(bad, good, ["an item of tomorrow"]).items == bad.items
    assert mended.model_id == ""
