"""The reward model: shrinkage by hand, and no decision predicted by its own reward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.experiments.off_policy.cell_means import guess_rewards, shrink_cells

from tests.fakes.bandit_world import log_decisions, make_bandit_world


def test_cells_lean_on_their_row_and_column_by_hand() -> None:
    views = np.array([[10.0, 0.0], [0.0, 10.0]])
    rewards = np.array([[5.0, 0.0], [0.0, 1.0]])
    means = shrink_cells(views, rewards, prior_count=10.0)
    overall = 0.3
    first, second = (5.0 + 10 * overall) / 20, (1.0 + 10 * overall) / 20
    assert means[0, 0] == pytest.approx((5.0 + 10 * (2 * first - overall)) / 20)
    assert means[0, 1] == pytest.approx(first + second - overall), "never seen: row and column"


def test_nothing_seen_gives_zero_everywhere() -> None:
    assert not shrink_cells(np.zeros((2, 3)), np.zeros((2, 3))).any()


def test_a_guess_does_not_move_with_the_rewards_of_its_own_fold() -> None:
    world = make_bandit_world(1)
    decisions = log_decisions(world, count=300, seed=1)
    mine = decisions.cluster % 3 == 0
    flipped = replace(decisions, reward=np.where(mine, 1.0 - decisions.reward, decisions.reward))
    ones = np.ones(len(decisions))
    before, _ = guess_rewards(decisions, world.target, weight=ones)
    after, _ = guess_rewards(flipped, world.target, weight=ones)
    assert np.array_equal(before[mine], after[mine])
    assert not np.isclose(before[~mine], after[~mine]).any()


def test_the_outlook_is_the_policys_mean_of_the_guesses() -> None:
    world = make_bandit_world(2)
    decisions = log_decisions(world, count=300, seed=2)
    chosen = np.zeros_like(world.target)
    chosen[:, 4] = 1.0
    guess, outlook = guess_rewards(decisions, chosen, weight=np.ones(300))
    four = decisions.action == 4
    assert np.allclose(guess[four], outlook[four])
