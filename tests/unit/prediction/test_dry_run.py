"""Dry runs, held to what the serving path would rank on the day itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recsysops.errors import BadInput
from recsysops.model.catalogue import assemble_catalogue
from recsysops.prediction.ageing import still_popularity
from recsysops.prediction.dry_run import (
    dry_run_launch,
    forecast_shares,
    shadow_shares,
    shares_with_plays,
)
from recsysops.prediction.stage import (
    Expectations,
    fit_collaborative_map,
    horizon_days,
    set_stages,
)
from recsysops.serving.ranking import RankingRequest, rank_item
from recsysops.vocabulary import UpcomingLaunch

from tests.fakes.launch_stage import (
    LAUNCH_DAY,
    SMOOTHING,
    TODAY,
    learn_first_week,
    make_catalogue_items,
    make_model,
    make_panel,
    make_stage,
)
from tests.fakes.served_world import AS_OF, HALF_LIVES

A_WEEK_AFTER = AS_OF + timedelta(days=14)


def share_on_the_day(items, panel, *, daily_plays: float, k: int) -> float:  # type: ignore[no-untyped-def]
    """Live the launch: publish the plays it got, ask the request path for its rank."""
    artefact, delta = make_model(items)
    waited = 7.0 - np.arange(7) - 0.5
    plays = np.array([daily_plays * (0.5 ** (waited / days)).sum() for days in HALF_LIVES])
    popularity = delta.log_popularity.copy()
    popularity[-1] = np.log(plays + SMOOTHING)
    vectors = delta.changed_vectors
    catalogue = assemble_catalogue(artefact, replace(delta, log_popularity=popularity))
    catalogue.matrix[-1, catalogue.encoder.content_width :] = 0.0  # nobody trained on it yet
    assert len(vectors) == 0
    hits = 0
    for vector in panel.vectors:
        request = RankingRequest("r", A_WEEK_AFTER, k, (), (), vector, 0.0)
        hits += (rank_item(catalogue, request, items[-1].item_id).rank or k + 1) <= k
    return hits / len(panel.vectors)


@pytest.mark.parametrize("plays", [0.0, 7.0, 70.0, 700.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_foreseen_launch_is_ranked_as_on_the_day(plays: float, seed: int) -> None:
    items = make_catalogue_items(80)
    panel = make_panel(40, seed=seed)
    stage, launch = make_stage(items, panel, plays=plays, k=10)
    expected = share_on_the_day(items, panel, daily_plays=plays / 7.0, k=10)
    dry_run = dry_run_launch(stage, launch)
    assert dry_run.share == pytest.approx(expected, abs=1 / 40)
    assert dry_run.low <= dry_run.share <= dry_run.high


def test_the_launches_of_these_tests_are_neither_lost_nor_sure() -> None:
    """Else the test above would compare zeros with zeros."""
    items, panel = make_catalogue_items(80), make_panel(40)
    shares = [share_on_the_day(items, panel, daily_plays=p, k=10) for p in (0.0, 10.0, 100.0)]
    assert shares[0] < shares[1] < shares[2]
    assert 0.1 < shares[1] < 0.9


def test_today_s_shadow_ranks_the_item_as_if_it_launched_today() -> None:
    items, panel = make_catalogue_items(80), make_panel(40)
    catalogue = assemble_catalogue(*make_model(items))
    launched_today = replace(items[-1], launch_date=TODAY)
    open_today = assemble_catalogue(*make_model((*items[:-1], launched_today)))
    ranks = [
        rank_item(open_today, RankingRequest("r", AS_OF, 10, (), (), vector, 0.0), "i0079").rank
        for vector in panel.vectors
    ]
    hits = [rank is not None and rank <= 10 for rank in ranks]
    shadows = shadow_shares(catalogue, panel, [items[-1].item_id], as_of=AS_OF, k=10)
    assert shadows == {items[-1].item_id: pytest.approx(np.mean(hits))}


@settings(max_examples=20)
@given(st.floats(0, 1000), st.floats(0, 1000))
def test_more_plays_never_lose_members(one: float, other: float) -> None:
    stage, launch = make_stage(make_catalogue_items(40), make_panel(15))
    plays = np.array([[min(one, other)] * 2, [max(one, other)] * 2])
    fewer, more = shares_with_plays(stage, item=launch.item, decayed_plays=plays)
    assert fewer <= more


def test_launches_of_the_same_week_take_each_other_s_places() -> None:
    """Six identical launches and lists of five: alone each is on every list, together not."""
    items = list(make_catalogue_items(60, upcoming=6))
    for row in range(54, 60):
        items[row] = replace(items[54], item_id=items[row].item_id)
    artefact, delta = make_model(items)
    matrix = artefact.item_matrix.copy()
    matrix[54:] = matrix[54]
    matrix[54:, artefact.encoder.content_width :] = 0.0
    launches = [UpcomingLaunch(item) for item in items[54:]]
    expectations = Expectations(
        learn_first_week(1e6), still_popularity(len(HALF_LIVES), smoothing=SMOOTHING)
    )

    def last_share(competitors: list[UpcomingLaunch]) -> float:
        stages = set_stages(
            artefact=replace(artefact, item_matrix=matrix),
            delta=delta,
            panel=make_panel(),
            launches=launches[-1:],
            competitors=competitors,
            expectations=expectations,
            as_of=AS_OF,
            k=5,
        )
        return dry_run_launch(stages[14], launches[-1]).share

    assert last_share([]) > 0.9
    assert last_share(launches) == 0.0


def test_the_metadata_is_scored_as_given_while_plays_follow_the_truth() -> None:
    items = make_catalogue_items(60)
    stage, launch = make_stage(items, make_panel(), plays=50.0)
    other = replace(launch.item, language=None, genres=())
    as_delivered = forecast_shares(stage, launch, item=launch.item, truth=launch.item)
    as_other = forecast_shares(stage, launch, item=other, truth=launch.item)
    assert as_delivered.shape == as_other.shape == (5,)
    assert (as_delivered != as_other).any()


def test_an_item_with_no_metadata_at_all_can_still_be_forecast() -> None:
    items = list(make_catalogue_items(40))
    items[-1] = replace(items[-1], genres=(), year=None, language=None)
    stage, launch = make_stage(items, make_panel())
    assert 0.0 <= dry_run_launch(stage, launch).share <= 1.0


@pytest.mark.parametrize(("days", "expected"), [(7, 14), (8, 14), (11, 21), (21, 28), (-14, 7)])
def test_the_horizon_is_a_week_after_launch_in_whole_weeks(days: int, expected: int) -> None:
    item = replace(make_catalogue_items(3)[-1], launch_date=TODAY + timedelta(days=days))
    assert horizon_days(UpcomingLaunch(item), AS_OF) == expected


def test_an_item_without_a_launch_date_is_refused() -> None:
    item = replace(make_catalogue_items(3)[-1], launch_date=None)
    with pytest.raises(BadInput, match="no launch date"):
        horizon_days(UpcomingLaunch(item), AS_OF)


def test_an_item_that_no_snapshot_holds_is_refused_by_name() -> None:
    artefact, delta = make_model(make_catalogue_items(20))
    stranger = replace(delta.items[-1], item_id="z-new", launch_date=LAUNCH_DAY)
    with pytest.raises(BadInput, match=r"z-new is not in snapshot .*publish a delta"):
        set_stages(
            artefact=artefact,
            delta=delta,
            panel=make_panel(),
            launches=[UpcomingLaunch(stranger)],
            expectations=Expectations(learn_first_week(), still_popularity(2, smoothing=0.5)),
            as_of=AS_OF,
        )


def test_without_launches_there_is_nothing_to_stage() -> None:
    artefact, delta = make_model(make_catalogue_items(20))
    expectations = Expectations(learn_first_week(), still_popularity(2, smoothing=0.5))
    assert not set_stages(
        artefact=artefact,
        delta=delta,
        panel=make_panel(),
        launches=[],
        expectations=expectations,
        as_of=AS_OF,
    )


def test_the_collaborative_guess_recovers_a_block_that_content_determines() -> None:
    artefact, delta = make_model(make_catalogue_items(400))
    width = artefact.encoder.content_width
    truth = np.random.default_rng(0).normal(size=(width, 4))
    matrix = artefact.item_matrix.copy()
    matrix[:, width:] = matrix[:, :width] @ truth
    catalogue = assemble_catalogue(replace(artefact, item_matrix=matrix), delta)
    guess = matrix[:, :width] @ fit_collaborative_map(catalogue)
    correlation = np.corrcoef(guess.ravel(), matrix[:, width:].ravel())[0, 1]
    assert correlation > 0.95


def test_with_few_learned_items_nothing_is_guessed() -> None:
    catalogue = assemble_catalogue(*make_model(make_catalogue_items(40)))
    assert not fit_collaborative_map(catalogue).any()
