"""What a diagnosis names, refuses, shows, and may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest
from recsysops.diagnosis.verdict import Diagnosis
from recsysops.errors import CouldNotJudge
from recsysops.simulation.faults import zero_one_block
from recsysops.vocabulary import ItemFeatures, ModelEntry, ModelPointer, Window
from recsysops.workflows.diagnose_incident import DiagnosisPorts, diagnose_incident

from tests.fakes.broken_world import (
    BROKEN,
    DAY,
    RECOVERED,
    REFERENCE,
    REQUESTS,
    BrokenWorld,
    make_broken_world,
    make_incident,
)
from tests.fakes.served_world import TRAINED_AT, make_artefact_files
from tests.fakes.small_catalogue import make_hotfix


@pytest.fixture
def world() -> Iterator[BrokenWorld]:
    made = make_broken_world()
    yield made
    made.lake.close()


def diagnose(world: BrokenWorld, **changes: object) -> Diagnosis:
    return diagnose_incident(make_incident(**changes), ports=world.diagnosis_ports())


def lose_japanese(item: ItemFeatures) -> ItemFeatures:
    return replace(item, language=None) if item.language == "ja" else item


def test_wrong_inputs_are_named_by_feature_and_items_with_the_replay_and_their_slice(
    world: BrokenWorld,
) -> None:
    hit = world.change_items(lose_japanese)
    world.serve_day(BROKEN)
    found = diagnose(world)
    assert (found.verdict, found.component, found.feature) == ("input", "item_features", "language")
    assert set(found.item_ids) == set(hit)
    assert (found.replay.records, found.replay.bit_equal) == (REQUESTS, REQUESTS)
    assert (found.slices[0].facet, found.slices[0].value) == ("language before", "ja")
    assert found.two_by_two is not None
    assert found.two_by_two.input_effect_on_suspects > found.two_by_two.input_effect > 0
    assert found.two_by_two.model_effect == 0


def test_the_evidence_carries_every_query_that_was_run_with_its_name_and_sql(
    world: BrokenWorld,
) -> None:
    world.change_items(lose_japanese)
    world.serve_day(BROKEN)
    evidence = diagnose(world).to_document()["evidence"]
    assert isinstance(evidence, dict)
    assert [query["name"] for query in evidence["queries"]] == [
        "versions served in the window",
        "versions served in the reference",
        "items as served in the window",
        "items as served in the reference",
    ]
    for query in evidence["queries"]:
        assert len(world.lake.run(query["sql"])) == query["rows"] > 0
    assert evidence["deltas"] == {"before": world.deltas[0], "now": world.deltas[1]}


def test_a_supplier_whose_items_all_went_wrong_is_named(world: BrokenWorld) -> None:
    hit = world.change_items(
        lambda item: replace(item, year=0) if item.source == "supplier-2" else item
    )
    world.serve_day(BROKEN)
    found = diagnose(world, subject="year")
    assert (found.feature, found.source) == ("year", "supplier-2")
    assert set(found.item_ids) == set(hit)


def other_model(world: BrokenWorld) -> str:
    """A model fitted elsewhere: other collaborative columns and other half-lives."""
    popularity = [{"half_life_days": days, "weight": 0.5} for days in (3.0, 30.0)]
    items = list(world.items.scan())
    return world.add_model(make_artefact_files(items, 7, popularity=popularity), seed=7)


def test_a_model_that_was_not_approved_is_named_though_its_half_lives_are_others(
    world: BrokenWorld,
) -> None:
    wrong = other_model(world)
    world.registry.put(ModelEntry(wrong, "retired", TRAINED_AT - DAY))
    world.flags.pointer = ModelPointer(wrong)
    world.serve_day(BROKEN)
    found = diagnose(world, component="model", subject=wrong)
    assert (found.verdict, found.feature, found.model_id) == ("model", "model_id", wrong)
    assert found.item_ids == ()
    assert found.two_by_two is not None
    assert found.two_by_two.model_effect > found.two_by_two.input_effect == 0


def test_an_approved_model_that_moves_scores_by_itself_is_named(world: BrokenWorld) -> None:
    new = other_model(world)
    world.registry.put(ModelEntry(new, "production", TRAINED_AT + DAY))
    world.flags.pointer = ModelPointer(new)
    world.serve_day(BROKEN)
    found = diagnose(world, component="model", subject="score")
    assert (found.verdict, found.feature, found.model_id) == ("model", "model_id", new)
    assert "moves scores" in found.summary


@pytest.mark.parametrize("seed", range(4))
def test_a_block_that_a_broken_export_lost_is_named_with_its_model(
    world: BrokenWorld, seed: int
) -> None:
    zeroed = zero_one_block(world.good, rng=np.random.default_rng(seed))
    world.add_model(zeroed.files, lost=zeroed.block)
    world.registry.put(ModelEntry(zeroed.model_id, "production", TRAINED_AT + DAY))
    world.flags.pointer = ModelPointer(zeroed.model_id)
    world.serve_day(BROKEN)
    found = diagnose(world, component="model", subject=zeroed.block.name)
    assert found.verdict == "model"
    assert (found.feature, found.model_id) == (zeroed.block.name, zeroed.model_id)
    assert found.evidence["collapsed_blocks"] == [zeroed.block.name]


def test_a_model_that_a_hotfix_pinned_is_not_called_wrong(world: BrokenWorld) -> None:
    popularity = [{"half_life_days": days, "weight": 0.5} for days in (1.5, 10.0)]
    items = list(world.items.scan())
    pinned = world.add_model(make_artefact_files(items, 7, popularity=popularity), seed=7)
    world.deploy(make_hotfix("pin_model", {"model_id": pinned}))
    world.serve_day(BROKEN)
    found = diagnose(world, component="model", subject="score")
    assert {record.model_id for record in world.records(BROKEN)} == {pinned}
    assert (found.verdict, found.model_id) == ("could_not_judge", pinned)
    assert "hotfix" in found.summary


def test_another_hotfix_does_not_excuse_a_model_that_was_not_approved(world: BrokenWorld) -> None:
    wrong = other_model(world)
    world.registry.put(ModelEntry(wrong, "retired", TRAINED_AT - DAY))
    world.flags.pointer = ModelPointer(wrong)
    world.deploy(make_hotfix("mask_feature", {"block": "year", "item_ids": None}))
    world.serve_day(BROKEN)
    found = diagnose(world, component="model", subject=wrong)
    assert (found.verdict, found.feature, found.model_id) == ("model", "model_id", wrong)


def test_a_day_without_a_fault_names_nothing(world: BrokenWorld) -> None:
    world.serve_day(BROKEN)
    found = diagnose(world)
    assert (found.verdict, found.feature, found.item_ids) == ("could_not_judge", "", ())
    assert "served the reference too" in found.summary


def test_a_window_without_requests_is_refused_and_named(world: BrokenWorld) -> None:
    with pytest.raises(CouldNotJudge, match="2026-03-03 00:00 to 2026-03-04 00:00"):
        diagnose(world)
    empty = Window(REFERENCE.start - DAY, REFERENCE.start)
    world.serve_day(BROKEN)
    with pytest.raises(CouldNotJudge, match="2026-03-01 00:00 to 2026-03-02 00:00"):
        diagnose(world, reference=empty)


def test_an_incident_without_a_reference_is_refused(world: BrokenWorld) -> None:
    with pytest.raises(CouldNotJudge, match="inc-0123456789 has no reference"):
        diagnose(world, reference=None)


def test_serving_tables_are_out_of_reach_and_what_they_hold_now_changes_nothing(
    world: BrokenWorld,
) -> None:
    assert {field.name for field in fields(DiagnosisPorts)} == {
        "queries", "catalogues", "registry", "read_records", "replay",
    }  # fmt: skip
    world.change_items(lose_japanese)
    world.serve_day(BROKEN)
    before = diagnose(world)
    world.change_items(lambda item: replace(item, language="en", year=1900))
    world.members.put_many(replace(m, vectors={}, seen=()) for m in list(world.members.scan()))
    assert diagnose(world) == before
    assert world.records(RECOVERED) == []
