from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.serving.propensity import settle_propensities
from recsysops.serving.ranking import RankedSlate, RankingRequest, rank_slate
from recsysops.serving.thompson import UncertainItems, draw_utilities, find_uncertain
from recsysops.vocabulary import SurfacePlan

from tests.fakes.served_world import NOW
from tests.unit.serving.test_ranking import CATALOGUE, LAUNCHED, ask

THOMPSON = SurfacePlan(policy="thompson")
OUTCOMES = np.stack([np.full(300, 100), np.arange(300) % 20], axis=1).astype(np.int64)
COUNTED = replace(LAUNCHED, outcomes=OUTCOMES)
ROWS = np.arange(60, dtype=np.intp)


def test_posteriors_are_as_computed_by_hand() -> None:
    found = find_uncertain(COUNTED, ROWS, plan=THOMPSON, is_cold=False, moment=NOW)
    assert found is not None
    assert found.at.tolist() == [7, 37]
    mean = (OUTCOMES[:, 1].sum() + 1) / (30_000 + 20)
    assert found.mean == pytest.approx(mean)
    assert found.alpha.tolist() == pytest.approx([20 * mean + 7, 20 * mean + 17])
    assert found.beta.tolist() == pytest.approx([20 * (1 - mean) + 93, 20 * (1 - mean) + 83])


def test_a_cold_member_draws_everything_and_a_greedy_surface_nothing() -> None:
    cold = find_uncertain(COUNTED, ROWS, plan=THOMPSON, is_cold=True, moment=NOW)
    assert cold is not None
    assert cold.at.tolist() == ROWS.tolist()
    for plan, rows in ((SurfacePlan(), ROWS), (THOMPSON, np.array([1, 2, 3]))):
        assert find_uncertain(COUNTED, rows, plan=plan, is_cold=False, moment=NOW) is None


def test_without_any_count_the_prior_alone_is_drawn_from() -> None:
    found = find_uncertain(LAUNCHED, ROWS, plan=THOMPSON, is_cold=False, moment=NOW)
    assert found is not None
    assert (found.mean, found.alpha.tolist(), found.beta.tolist()) == (0.05, [1, 1], [19, 19])


def test_draws_have_the_posteriors_mean_and_spare_the_certain() -> None:
    uncertain = UncertainItems(
        at=np.array([1]), alpha=np.array([30.0]), beta=np.array([70.0]), mean=0.1
    )
    scores = np.array([1.0, 2.0, 3.0], dtype=np.float32)
    drawn = draw_utilities(scores, uncertain, seed="s", count=4_000)
    assert (drawn[:, [0, 2]] == scores[[0, 2]]).all()
    rates = 0.1 * np.exp(drawn[:, 1] - 2.0)
    assert rates.mean() == pytest.approx(0.3, abs=0.005)
    assert rates.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 101), rel=0.1)
    assert draw_utilities(scores, uncertain, seed="s", count=4_000).tobytes() == drawn.tobytes()
    assert draw_utilities(scores, uncertain, seed="t").tolist() != drawn[:1].tolist()


def rank(number: int, **changes: object) -> tuple[RankingRequest, RankedSlate]:
    plain = {
        "limit": 3, "explore_rate": 0.3, "candidates": CATALOGUE.item_ids[:12],
        "surface_plan": THOMPSON, "member_vector": None,
    }  # fmt: skip
    request = ask(request_id=f"r{number}", **{**plain, **changes})
    return request, rank_slate(COUNTED, request)


def test_a_settled_slate_repeats_bit_for_bit_and_shows_the_same() -> None:
    request, slate = rank(1)
    assert slate.policy == "thompson"
    one, two = (settle_propensities(COUNTED, request, rank(1)[1]) for _ in range(2))
    assert one.shown == two.shown
    assert one.propensity_errors == two.propensity_errors
    assert [item.item_id for item in one.shown] == [item.item_id for item in slate.shown]
    assert all(0.0 < item.propensity <= 1.0 for item in one.shown)
    assert max(one.propensity_errors) <= 0.5 / np.sqrt(201)


def test_exact_propensities_stay_as_they_are() -> None:
    request, slate = rank(1, surface_plan=SurfacePlan(diversity=1.0))
    assert settle_propensities(COUNTED, request, slate) is slate
    # a known member on a thompson surface without launches: nothing was drawn
    request, slate = rank(
        1, member_vector=ask().member_vector, candidates=("i0001", "i0002", "i0003", "i0004")
    )
    assert slate.policy is None
    assert settle_propensities(COUNTED, request, slate) is slate
    assert slate.propensity_errors == ()


def test_launches_of_known_members_get_their_chance_and_scores_stay_the_kernels() -> None:
    weak = LAUNCHED.bias - 1.5 * LAUNCHED.launched_since(NOW, days=30).astype(np.float32)
    catalogue = replace(LAUNCHED, bias=weak.astype(np.float32))
    plain = ask(limit=10)
    greedy = {item.item_id for item in rank_slate(catalogue, plain).shown}
    seen: set[str] = set()
    for number in range(60):
        slate = rank_slate(
            catalogue, replace(plain, request_id=f"q{number}", surface_plan=THOMPSON)
        )
        scores = dict(zip(slate.shortlist, slate.scores.tolist(), strict=True))
        assert [item.score for item in slate.shown] == [scores[i.item_id] for i in slate.shown]
        seen |= {item.item_id for item in slate.shown}
    recent = catalogue.launched_since(NOW, days=30)
    extra = {item_id for item_id in seen - greedy if recent[catalogue.row_of[item_id]]}
    assert extra
