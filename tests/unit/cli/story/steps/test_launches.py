"""The step `launches` passes only when the lake holds a forecast of every upcoming item."""

from __future__ import annotations

from recsysops.cli.story.steps.launches import launches

from tests.fakes.told_stage import ToldStage, make_scene, make_stage_ports, make_world

UPCOMING = [item.item_id for item in make_world().upcoming]


def forecast(item_id: str, **changes: object) -> dict[str, object]:
    plain = {
        "item_id": item_id, "role": "production", "panel_share": 0.05, "flagged": False,
        "reasons": "",
    }  # fmt: skip
    return {**plain, **changes}


def stage_of(rows: list[dict[str, object]]) -> ToldStage:
    return ToldStage(make_stage_ports(lambda _: rows))


def test_an_upcoming_item_without_a_forecast_is_noticed() -> None:
    first, *_ = UPCOMING
    assert not launches(make_scene(stage_of([forecast(first)]))).ok
    assert not launches(make_scene(stage_of([]))).ok


def test_the_candidate_models_forecast_does_not_stand_for_productions() -> None:
    rows = [forecast(item_id, role="candidate") for item_id in UPCOMING]
    assert not launches(make_scene(stage_of(rows))).ok
