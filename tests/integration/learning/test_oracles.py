"""Learning agrees with scikit-learn and pandas, which take a second to import."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from recsysops.learning.factors import fold_in, fold_in_traits
from recsysops.learning.histories import Queries, index_members, sum_histories
from recsysops.learning.weights import (
    ChoiceSets,
    fit_weights,
)
from recsysops.model.interactions import SECONDS_PER_DAY
from sklearn.linear_model import LogisticRegression, Ridge

from tests.fakes.choices import draw_choices, simulated_table


def test_folding_in_is_the_weighted_ridge_regression_of_scikit_learn() -> None:
    table = simulated_table(2, n_members=5, n_items=30)
    rows, index = table.rows, index_members(table.rows)
    factors = np.random.default_rng(1).normal(size=(30, 4))
    asked = Queries(np.arange(5, dtype=np.int32), np.full(5, rows.times[-1] + 60.0))
    histories = sum_histories(
        rows, index, asked, traits=fold_in_traits(factors), half_life_days=9.0
    )
    found = fold_in(histories, factors=factors)
    for member in range(5):
        own = index.rows_of(member)
        ages = (asked.times[0] - rows.times[own]) / SECONDS_PER_DAY
        weights = np.concatenate([np.ones(30), 20.0 * 0.5 ** (ages / 9.0)])
        oracle = Ridge(alpha=1.0, fit_intercept=False, solver="cholesky").fit(
            np.vstack([factors, factors[rows.items[own]]]),
            np.concatenate([np.zeros(30), np.ones(len(own))]),
            sample_weight=weights,
        )
        assert found[member] == pytest.approx(oracle.coef_, rel=1e-6)


def test_with_two_options_the_fit_is_logistic_regression() -> None:
    choices = draw_choices(np.array([0.8, -0.4]), events=800, options=2, seed=2)
    choices = ChoiceSets(choices.features, np.ones((800, 2), np.bool_), choices.chosen)
    found = fit_weights(choices, start=np.zeros(2), free=np.ones(2, np.bool_))
    oracle = LogisticRegression(C=1.0 / (2e-3 * 800), fit_intercept=False, tol=1e-10).fit(
        choices.features[:, 1] - choices.features[:, 0], choices.chosen
    )
    assert found == pytest.approx(oracle.coef_[0], abs=2e-3)


def test_the_share_of_a_trait_is_the_exponentially_weighted_mean_of_pandas() -> None:
    table = simulated_table(3, n_members=8, n_items=40)
    rows, index = table.rows, index_members(table.rows)
    traits = np.random.default_rng(5).random((len(table.items), 1))
    for member in range(8):
        own = index.rows_of(member)
        asked = Queries(np.array([member], np.int32), rows.times[own][-1:] + 3600.0)
        found = sum_histories(rows, index, asked, traits=traits, half_life_days=4.0)
        series = pd.Series(traits[rows.items[own], 0])
        moments = pd.to_datetime(rows.times[own], unit="s")
        oracle = series.ewm(halflife="4 days", times=moments).mean().iloc[-1]
        assert found.sums[0, 0] / found.totals[0] == pytest.approx(oracle)
