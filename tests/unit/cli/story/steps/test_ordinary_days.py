"""Load, train and two quiet days pass by what tables, registry, lake and audit say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from recsysops.adapters.memory import MemoryItems
from recsysops.cli.story.days import TrainedModels
from recsysops.cli.story.scene import Scene
from recsysops.cli.story.steps import ordinary_days
from recsysops.cli.story.steps.ordinary_days import healthy, load, train
from recsysops.errors import DependencyError
from recsysops.vocabulary import ItemFeatures, ModelEntry

from tests.fakes.broken_world import BROKEN, REFERENCE, make_incident
from tests.fakes.told_stage import ToldStage, make_scene, make_stage_ports

TRAINED = datetime(2026, 3, 1)  # noqa: DTZ001 - only stored


class LossyItems(MemoryItems):
    """A table that lost a row."""

    def scan(self, **_: object) -> Iterator[ItemFeatures]:
        _, *rest = super().scan()
        yield from rest


def test_all_items_are_loaded_upcoming_ones_too() -> None:
    stage = ToldStage(make_stage_ports())
    done = load(make_scene(stage))
    assert (done.ok, done.evidence) == (True, {"table": "items", "items": 12})
    assert done.summary == "12 items in the table; simulated columns: language, price"


def test_a_table_that_lost_an_item_is_noticed() -> None:
    done = load(make_scene(ToldStage(replace(make_stage_ports(), items=LossyItems()))))
    assert (done.ok, done.evidence["items"]) == (False, 11)


def train_with(monkeypatch: pytest.MonkeyPatch, *entries: ModelEntry) -> tuple[Scene, ToldStage]:
    """A scene whose training leaves these entries in the registry."""
    stage = ToldStage(make_stage_ports())
    for entry in entries:
        stage.ports.registry.put(entry)
    monkeypatch.setattr(
        ordinary_days, "train_models", lambda *_, **__: TrainedModels("m-new", "m-old")
    )
    return make_scene(stage, models=None), stage


def test_training_ends_when_scorers_serve_the_approved_model_and_its_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = (
        ModelEntry("m-new", "production", TRAINED),
        ModelEntry("m-old", "retired", TRAINED),
    )
    scene, stage = train_with(monkeypatch, *entries)
    done = train(scene)
    assert (done.ok, done.summary) == (True, "model m-new serves snapshot d-1")
    assert stage.published == [REFERENCE.start]
    assert stage.waited_for == [("d-1", "m-new")]
    assert scene.trained().retired == "m-old"


@pytest.mark.parametrize(
    "entries",
    [(), (ModelEntry("m-new", "candidate", TRAINED),), (ModelEntry("m-x", "production", TRAINED),)],
)
def test_a_registry_that_approves_another_model_or_none_is_noticed(
    monkeypatch: pytest.MonkeyPatch, entries: tuple[ModelEntry, ...]
) -> None:
    scene, stage = train_with(monkeypatch, *entries)
    done = train(scene)
    assert not done.ok
    assert "the registry approves" in done.summary
    assert stage.waited_for == []


def count_of(requests: int) -> ToldStage:
    return ToldStage(make_stage_ports(lambda _: [{"requests": requests, "members": 3}]))


def test_two_quiet_days_need_a_full_log_and_a_silent_audit() -> None:
    stage = count_of(1000)
    done = healthy(make_scene(stage))
    assert done.ok
    assert done.summary == "1000 + 1000 requests served and logged; audit: healthy"
    assert stage.sent == [REFERENCE, BROKEN], "the reference day, then the healthy one"
    assert stage.published == [BROKEN.start], "the reference day's snapshot came with training"
    assert "slim_requests" in str(done.evidence["query"])


def test_a_log_that_is_one_request_short_is_noticed() -> None:
    assert not healthy(make_scene(count_of(999))).ok


def test_a_lake_without_a_row_of_the_day_is_noticed() -> None:
    assert not healthy(make_scene(ToldStage(make_stage_ports()))).ok


def test_an_incident_on_a_quiet_day_is_noticed_and_named() -> None:
    stage = count_of(1000)
    stage.opened[BROKEN.start] = [make_incident(title="a false alarm")]
    done = healthy(make_scene(stage))
    assert (done.ok, done.evidence["incidents"]) == (False, ["a false alarm"])
    assert "a false alarm" in done.summary


def test_without_a_model_nothing_can_be_broken() -> None:
    with pytest.raises(DependencyError, match="no model was trained"):
        make_scene(count_of(0), models=None).trained()
