"""The worlds move one thing each, and the base world is the one of before."""

from __future__ import annotations

import numpy as np
from recsysops.simulation.launch_market import draw_market
from recsysops.simulation.launch_supply import draw_launch, draw_suppliers
from recsysops.simulation.launch_worlds import BASE_WORLD, LAUNCH_WORLDS, Hardness

NO_BAD_BATCH = np.zeros((8, 200), dtype=np.bool_)


def test_the_grid_is_the_one_written_down() -> None:
    assert LAUNCH_WORLDS[BASE_WORLD] == Hardness(1.0, 1.0, 1.0)
    assert LAUNCH_WORLDS["all against"] == Hardness(errors=0.5, repair_days=0.5, luck=1.4)
    assert len(LAUNCH_WORLDS) == 8


def test_errors_and_repairs_scale_and_draw_the_same_suppliers() -> None:
    plain = draw_suppliers(np.random.default_rng(1))
    hard = draw_suppliers(np.random.default_rng(1), hardness=Hardness(errors=2.0, repair_days=0.5))
    for one, other in zip(plain, hard, strict=True):
        assert other.error_rate == 2.0 * one.error_rate
        assert other.mean_fix_days == 0.5 * one.mean_fix_days
        assert (other.language_shares == one.language_shares).all()


def test_luck_alone_changes_how_a_launch_starts_not_how_it_is_awaited() -> None:
    rng = np.random.default_rng(2)
    suppliers = draw_suppliers(rng)
    plans = [
        draw_launch(rng, suppliers, number=n, launch_day=100, bad_batches=NO_BAD_BATCH)
        for n in range(1, 200)
    ]
    latents = rng.normal(size=(len(plans), 8))
    calm, usual, rough = (
        draw_market(np.random.default_rng(3), plans, latents, days=10, luck_factor=factor)
        for factor in (0.0, 1.0, 2.0)
    )
    assert (usual.anticipation == rough.anticipation).all()
    once, twice = np.log(usual.early / calm.early), np.log(rough.early / calm.early)
    assert np.allclose(twice, 2.0 * once)
    assert np.std(once) > 0.2
