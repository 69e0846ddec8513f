"""The launch simulator: what it tells, when, and that its truth is computed as it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from recsysops.model.catalogue import assemble_catalogue
from recsysops.simulation.launch_events import LaunchOrigin, LaunchOutcome
from recsysops.simulation.launch_models import ServedModel
from recsysops.simulation.launch_supply import (
    ERROR_SHARES,
    ErrorKind,
    break_features,
    delivered_on,
    draw_launch,
    draw_suppliers,
    launch_day_announced_on,
)
from recsysops.simulation.launch_truth import find_thresholds, score_corrected, score_panel
from recsysops.simulation.launches import LaunchWorldSettings, simulate_launches

from tests.fakes.launch_stage import make_catalogue_items, make_model, make_panel

SMALL = LaunchWorldSettings(
    weeks=30, launches_per_week=6.0, base_items=80, panel_size=30, top_k=5, upgrade_every_days=35
)


@cache
def events(seed: int = 1) -> tuple[LaunchOrigin | LaunchOutcome, ...]:
    return tuple(simulate_launches(seed, SMALL))


def origins() -> list[LaunchOrigin]:
    return [event for event in events() if isinstance(event, LaunchOrigin)]


def outcomes(seed: int = 1) -> list[LaunchOutcome]:
    return [event for event in events(seed) if isinstance(event, LaunchOutcome)]


def test_the_same_seed_lives_the_same_years() -> None:
    again = [e for e in simulate_launches(1, SMALL) if isinstance(e, LaunchOutcome)]
    assert again == outcomes()
    assert outcomes(2) != outcomes()


def test_events_come_in_the_order_in_which_they_become_known() -> None:
    moments = [event.as_of for event in events()]
    assert moments == sorted(moments)


def test_every_launch_comes_due_once_a_week_before_its_announced_day() -> None:
    seen: set[str] = set()
    for origin in origins():
        launch_of = {launch.item.item_id: launch.item.launch_date for launch in origin.launches}
        for item_id in origin.due:
            assert launch_of[item_id] == origin.as_of.date() + timedelta(days=7)
            assert item_id not in seen
            seen.add(item_id)
    assert len(seen) > 60


def test_every_outcome_comes_a_week_after_launch_with_seven_days_of_plays() -> None:
    for outcome in outcomes():
        assert outcome.as_of.date() == outcome.past.launched_on + timedelta(days=7)
        assert len(outcome.past.daily_plays) == 7
        assert 0.0 <= outcome.share <= 1.0
        assert 0.0 <= outcome.correct_share <= 1.0
    ids = [outcome.past.item.item_id for outcome in outcomes()]
    assert len(ids) == len(set(ids))


def test_an_origin_knows_nothing_of_the_days_to_come() -> None:
    for origin in origins():
        assert origin.delta.as_of == origin.as_of
        assert origin.earlier.as_of == origin.as_of - timedelta(days=14)
        for item in origin.delta.items:
            assert item.batch <= origin.as_of.date().isoformat()
        unlaunched = [
            row
            for row, item in enumerate(origin.delta.items)
            if item.launch_date is not None and item.launch_date >= origin.as_of.date()
        ]
        # nobody has played what has not launched: smoothing alone
        assert np.unique(origin.delta.log_popularity[unlaunched]).size <= 1


def test_some_launches_suffer_from_their_metadata_and_most_do_not() -> None:
    lost = np.array([outcome.correct_share - outcome.share for outcome in outcomes()])
    assert 0 < np.count_nonzero(lost) < 0.3 * len(lost)


def test_upgrades_are_planned_two_weeks_ahead_and_change_the_model() -> None:
    waiting = [origin for origin in origins() if origin.candidate is not None]
    assert waiting
    for origin in waiting:
        assert origin.candidate_from is not None
        ahead = (origin.candidate_from - origin.as_of.date()).days
        assert 0 < ahead <= 14
    assert len({outcome.model_id for outcome in outcomes()}) >= 4


def test_a_candidate_s_snapshot_fits_the_candidate() -> None:
    origin = next(one for one in origins() if one.candidate is not None)
    assert origin.candidate is not None
    assert origin.candidate_delta is not None
    catalogue = assemble_catalogue(origin.candidate.artefact, origin.candidate_delta)
    # encoding everything anew gives the same rows as the snapshot's changed vectors
    fresh = replace(origin.candidate_delta, model_id="another")
    assert np.array_equal(
        catalogue.matrix, assemble_catalogue(origin.candidate.artefact, fresh).matrix
    )


@pytest.mark.parametrize("kind", sorted(ERROR_SHARES))
def test_every_kind_of_error_changes_only_its_feature(kind: ErrorKind) -> None:
    rng = np.random.default_rng(0)
    bad_batches = np.zeros((8, 60), dtype=np.bool_)
    plan = draw_launch(rng, draw_suppliers(rng), number=1, launch_day=200, bad_batches=bad_batches)
    item = replace(plan.truth, genres=("comedy", "drama"), language="ko", year=2024)
    broken = break_features(item, kind, np.random.default_rng(3))
    feature = kind.split("_")[-1].replace("only", "genres").removesuffix("s")
    changed = {
        name
        for name in ("genres", "language", "year")
        if getattr(item, name) != getattr(broken, name)
    }
    assert {name.removesuffix("s") for name in changed} == {feature}


def test_what_is_delivered_is_the_newest_version_under_the_announced_date() -> None:
    rng = np.random.default_rng(5)
    suppliers, calm = draw_suppliers(rng), np.zeros((8, 80), dtype=np.bool_)
    for number in range(200):
        plan = draw_launch(
            rng, suppliers, number=number + 1, launch_day=300 + number, bad_batches=calm
        )
        days = [day for day, _ in plan.versions]
        assert days == sorted(days)
        assert launch_day_announced_on(plan, plan.launch_day) == plan.launch_day
        last = delivered_on(plan, 10_000)
        assert last.version == len(plan.versions)
        assert last.launch_date == plan.truth.launch_date


def test_thresholds_are_those_of_a_full_sort() -> None:
    scores = np.random.default_rng(0).normal(size=(6, 40))
    kth, next_best = find_thresholds(scores, k=5)
    ordered = np.sort(scores, axis=1)[:, ::-1]
    assert np.array_equal(kth, ordered[:, 4])
    assert np.array_equal(next_best, ordered[:, 5])


def test_right_metadata_scores_as_it_is_scored() -> None:
    items = make_catalogue_items(20)
    artefact, delta = make_model(items)
    catalogue = assemble_catalogue(artefact, delta)
    served = ServedModel(artefact, make_panel(4).vectors)
    as_is = score_corrected(served, catalogue, items[3], row=3)
    assert as_is == pytest.approx(score_panel(served, catalogue)[:, 3])
    other = replace(items[3], language="ja" if items[3].language != "ja" else "en")
    assert not np.allclose(as_is, score_corrected(served, catalogue, other, row=3))
