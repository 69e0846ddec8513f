from __future__ import annotations

import numpy as np
from recsysops.learning.factors import FACTORS, fold_in, fold_in_traits, train_factors
from recsysops.learning.histories import Queries, index_members, sum_histories

from tests.fakes.choices import START, rows_of, simulated_table


def test_a_member_without_history_folds_in_to_zeros() -> None:
    rows = rows_of([("a", "x", 1.0), ("b", "y", 2.0)])
    factors = np.eye(2)
    histories = sum_histories(
        rows, index_members(rows), Queries(np.array([1], np.int32), np.array([START])),
        traits=fold_in_traits(factors), half_life_days=1.0,
    )  # fmt: skip
    assert not fold_in(histories, factors=factors).any()


def test_the_same_rows_and_seed_give_the_same_bits_and_another_seed_others() -> None:
    rows = simulated_table(3).rows
    one, two, other = (train_factors(rows, seed=seed) for seed in (7, 7, 8))
    assert one.tobytes() == two.tobytes()
    assert one.tobytes() != other.tobytes()


def test_items_that_nobody_chose_have_no_factors() -> None:
    rows = rows_of([("a", "x", 1.0), ("b", "y", 2.0), ("a", "y", 2.5)], items=("w", "z"))
    factors = train_factors(rows, seed=1)
    assert factors.shape == (4, FACTORS)
    assert not factors[[0, 3]].any()
    assert factors[[1, 2]].any(axis=1).all()


def test_factors_bring_items_of_one_taste_together() -> None:
    rng = np.random.default_rng(4)
    triples = [
        (f"m{member:02d}", f"{'ab'[member % 2]}{item:02d}", float(rng.random() * 10))
        for member in range(40)
        for item in rng.choice(20, size=8, replace=False).tolist()
    ]
    factors = train_factors(rows_of(triples), seed=1)
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert likeness[:20, :20].mean() > likeness[:20, 20:].mean() + 0.2
