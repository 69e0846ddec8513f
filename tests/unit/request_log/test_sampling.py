from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.request_log.sampling import (
    RATE_FLOOR,
    decide_sampling,
    inclusion_probability,
    name_stratum,
    ordinary_rate,
)
from recsysops.vocabulary import BUILT_IN_SURFACES, SamplingPlan

PLAN = SamplingPlan(
    rate=0.25, raised_rate=0.9, stratum_rates={"search/known/no-launch/greedy": 0.6}
)


def test_every_combination_is_a_stratum_of_its_own() -> None:
    names = {
        name_stratum(
            surface=surface, member_known=known, launch_shown=launch, arm=arm, country=country
        )
        for surface, known, launch, arm, country in itertools.product(
            BUILT_IN_SURFACES,
            (True, False),
            (True, False),
            ("greedy", "explore"),
            (None, "SE", "DE"),
        )
    }
    assert len(names) == 72


@pytest.mark.parametrize(
    ("stratum", "raised", "expected"),
    [
        ("home/known/no-launch/greedy", False, 0.25),
        ("home/known/no-launch/greedy", True, 0.9),
        ("search/known/no-launch/greedy", False, 0.6),
        ("search/known/no-launch/greedy", True, 0.9),
        ("search/known/no-launch/greedy/SE", False, 0.6),
        ("home/known/no-launch/greedy/SE", False, 0.25),
    ],
)
def test_a_raised_request_gets_the_raised_rate_and_never_more(
    stratum: str, raised: bool, expected: float
) -> None:
    assert inclusion_probability(PLAN, stratum, raised=raised) == expected


def test_a_country_may_have_a_rate_of_its_own() -> None:
    rates = {"home/known/no-launch/greedy": 0.1, "home/known/no-launch/greedy/SE": 0.8}
    plan = SamplingPlan(stratum_rates=rates)
    assert ordinary_rate(plan, "home/known/no-launch/greedy/SE") == 0.8
    assert ordinary_rate(plan, "home/known/no-launch/greedy/DE") == 0.1


@given(st.floats(-1, 2), st.floats(-1, 2), st.booleans())
def test_a_probability_is_one_and_weights_stay_bounded(
    rate: float, raised_rate: float, raised: bool
) -> None:
    plan = SamplingPlan(rate=rate, raised_rate=raised_rate)
    assert RATE_FLOOR <= inclusion_probability(plan, "any", raised=raised) <= 1.0


@given(st.text(min_size=1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_higher_rate_only_adds_requests(request_id: str, one: float, two: float) -> None:
    low, high = (
        decide_sampling(request_id, plan=SamplingPlan(rate=rate), stratum="any", raised=False)
        for rate in sorted((one, two))
    )
    assert high.full or not low.full
    assert decide_sampling(
        request_id, plan=SamplingPlan(rate=1.0), stratum="any", raised=False
    ).full


def test_weighted_means_of_sampled_requests_find_the_truth_whatever_the_strata() -> None:
    """Hájek estimates over 200 disjoint sets of ids centre on the mean of all requests; the
    unweighted mean of the sampled ones does not."""
    rng = np.random.default_rng(5)
    weighted, plain, truths = [], [], []
    for run in range(200):
        raised = rng.random(400) < 0.3
        values = np.where(raised, 3.0, 1.0) + rng.normal(size=400)
        drawn = [
            decide_sampling(f"run-{run}-{n}", plan=PLAN, stratum="home", raised=bool(raised[n]))
            for n in range(400)
        ]
        full = np.array([d.full for d in drawn])
        weights = 1.0 / np.array([d.inclusion_probability for d in drawn])
        weighted.append(float((values * weights)[full].sum() / weights[full].sum()))
        plain.append(float(values[full].mean()))
        truths.append(float(values.mean()))
    errors = np.array(weighted) - np.array(truths)
    standard_error = errors.std(ddof=1) / np.sqrt(len(errors))
    assert abs(errors.mean()) < 4 * standard_error
    assert abs(np.mean(plain) - np.mean(truths)) > 0.2
