"""The step `launches` wants a forecast of every upcoming item, and flags on damaged ones."""

from __future__ import annotations

from dataclasses import replace

from recsysops.cli.story.scene import Scene
from recsysops.cli.story.steps.launches import launches
from recsysops.simulation.faults import FaultTruth

from tests.fakes.told_stage import ToldStage, make_scene, make_stage_ports, make_world

WORLD = make_world()
SOUND, DAMAGED = (item.item_id for item in WORLD.upcoming)
UPCOMING = [SOUND, DAMAGED]


def forecast(item_id: str, **changes: object) -> dict[str, object]:
    plain = {
        "item_id": item_id, "role": "production", "panel_share": 0.05, "flagged": False,
        "reasons": "",
    }  # fmt: skip
    return {**plain, **changes}


def flag(item_id: str) -> dict[str, object]:
    return forecast(item_id, flagged=True, reasons="language is missing")


def scene_of(*rows: dict[str, object], truth: FaultTruth | None = None) -> Scene:
    """A story whose second upcoming item lost its language in the night."""
    mishap = replace(WORLD.upcoming[1], language=None)
    world = replace(WORLD, mishaps={DAMAGED: mishap})
    scene = make_scene(stage_of(list(rows)), world=world, truth=truth)
    scene.stage.ports.items.put_many(WORLD.upcoming)
    return scene


def stage_of(rows: list[dict[str, object]]) -> ToldStage:
    return ToldStage(make_stage_ports(lambda _: rows))


def test_an_upcoming_item_without_a_forecast_is_noticed() -> None:
    first, *_ = UPCOMING
    assert not launches(make_scene(stage_of([forecast(first)]))).ok
    assert not launches(make_scene(stage_of([]))).ok


def test_the_candidate_models_forecast_does_not_stand_for_productions() -> None:
    rows = [forecast(item_id, role="candidate") for item_id in UPCOMING]
    assert not launches(make_scene(stage_of(rows))).ok


def test_a_flag_with_its_reason_on_a_damaged_item_passes_and_is_quoted() -> None:
    outcome = launches(scene_of(forecast(SOUND), flag(DAMAGED)))
    assert outcome.ok
    assert outcome.summary == (
        "2 launches forecast a week ahead, a late batch spoiled 1 of them, 1 flagged; "
        f"{DAMAGED}: language is missing"
    )


def test_no_flag_at_all_is_noticed() -> None:
    assert not launches(scene_of(forecast(SOUND), forecast(DAMAGED))).ok


def test_a_flag_without_a_reason_is_noticed() -> None:
    assert not launches(scene_of(forecast(SOUND), forecast(DAMAGED, flagged=True))).ok


def test_flags_on_sound_items_are_noticed() -> None:
    assert not launches(scene_of(flag(SOUND), forecast(DAMAGED))).ok
    assert launches(scene_of(flag(SOUND), flag(DAMAGED))).ok, "half of the flags are right"


def test_what_the_fault_broke_counts_as_damaged() -> None:
    truth = FaultTruth(
        "language_misconfigured", "input", "item_features", "language", item_ids=(SOUND,)
    )
    assert launches(scene_of(flag(SOUND), forecast(DAMAGED), truth=truth)).ok


def test_the_late_batch_is_written_and_published_before_the_forecast() -> None:
    scene = scene_of(forecast(SOUND), flag(DAMAGED))
    launches(scene)
    found = {item.item_id: item for item in scene.stage.ports.items.scan()}
    assert found[DAMAGED].language is None
    assert found[DAMAGED].version == WORLD.upcoming[1].version + 1
    assert found[SOUND] == WORLD.upcoming[0]
    assert isinstance(scene.stage, ToldStage)
    assert scene.stage.published == [scene.window("recovered").end]
