"""The drawing policy against frequencies over many request ids, and against another library."""

from __future__ import annotations

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from recsysops.serving.propensity import settle_propensities
from recsysops.serving.thompson import UncertainItems, draw_utilities

from tests.unit.serving.test_ranking import CATALOGUE
from tests.unit.serving.test_thompson import COUNTED, rank


def test_arms_win_as_often_as_under_mabwiser() -> None:
    shown, played = np.array([30, 30, 4, 0]), np.array([9, 12, 1, 0])
    decisions = np.repeat(np.arange(4), shown)
    rewards = np.concatenate(
        [
            [1] * hit + [0] * (n - hit)
            for n, hit in zip(shown.tolist(), played.tolist(), strict=True)
        ]
    )
    oracle = MAB([0, 1, 2, 3], LearningPolicy.ThompsonSampling(), seed=1)
    oracle.fit(decisions, rewards)
    count = 1_500
    theirs = np.bincount([oracle.predict() for _ in range(count)], minlength=4) / count
    uniform_prior = UncertainItems(
        at=np.arange(4), alpha=played + 1.0, beta=shown - played + 1.0, mean=0.5
    )
    drawn = draw_utilities(np.zeros(4, np.float32), uniform_prior, seed="x", count=20_000)
    ours = np.bincount(drawn.argmax(axis=1), minlength=4) / 20_000
    error = np.sqrt(ours * (1 - ours) * (1 / count + 1 / 20_000))
    assert (np.abs(ours - theirs) < 4.5 * error + 1e-9).all()


def test_observed_frequencies_over_request_ids_match_the_estimated_propensities() -> None:
    count = 3_000
    shown = np.zeros((3, 300))
    for number in range(count):
        for item in rank(number)[1].shown:
            shown[item.position - 1, COUNTED.row_of[item.item_id]] += 1 / count
    compared = 0
    for number in range(40):
        request, slate = rank(number)
        settled = settle_propensities(COUNTED, request, slate)
        for item, error in zip(settled.shown, settled.propensity_errors, strict=True):
            observed = shown[item.position - 1, COUNTED.row_of[item.item_id]]
            own = np.sqrt(observed * (1 - observed) / count)
            # the drawn order is one of 201: it lifts an unlikely slot by up to 1/201
            assert abs(item.propensity - observed) < 5 * (error + own) + 1 / 201
            compared += 1
    assert compared == 120


def test_weights_by_the_estimated_propensity_are_unbiased() -> None:
    """Inverse propensities of what was shown count every item that can be shown about once."""
    weights = []
    for number in range(300):
        request, slate = rank(number, explore_rate=0.5, candidates=CATALOGUE.item_ids[:8])
        first = settle_propensities(COUNTED, request, slate).shown[0]
        weights.append(1.0 / first.propensity)
    mean, error = np.mean(weights), np.std(weights) / np.sqrt(len(weights))
    assert abs(mean - 8.0) < 4 * error + 0.4
