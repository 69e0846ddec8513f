"""The columns that MovieLens lacks, simulated and labelled so: language, price, stock, supplier.

Languages follow groups of items that the same members choose, so members have a real affinity to
them and a wrong language really moves ranks. Prices and stock live in `simulation.batches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from recsysops.model.interactions import Interactions
from recsysops.simulation.taste_clusters import cluster_items
from recsysops.vocabulary import ItemFeatures

LANGUAGE_SHARES = {
    "en": 0.27, "fr": 0.15, "es": 0.13, "de": 0.12, "ja": 0.10, "it": 0.09, "ko": 0.08, "hi": 0.06
}  # fmt: skip
"""Simulated languages and about which share of all choices they get."""

LANGUAGES = tuple(LANGUAGE_SHARES)

SUPPLIERS = tuple(f"supplier-{number}" for number in range(1, 9))
SIMULATED_COLUMNS = (
    "language", "price", "in_stock", "source", "batch", "launch_date", "anticipation"
)  # fmt: skip

_LANGUAGE_NOISE = 0.02
_LANGUAGE_MISSING = 0.01
_PRICE_MISSING = 0.005
_PRICE_MEDIAN = 9.0
_PRICE_SPREAD = 0.35
_NEWEST_YEAR_PREMIUM = 0.012  # per year after 1990
_DEAREST_GENRES = ("IMAX", "Animation", "Documentary", "Sci-Fi")


def simulate_attributes(
    items: Sequence[ItemFeatures], interactions: Interactions, *, seed: int, batch: date
) -> tuple[ItemFeatures, ...]:
    """Fill the columns that the data set lacks; every item names them in `simulated`.

    `interactions` must hold training rows only, over the same items in the same order.
    Launch dates and anticipation stay None (launched long ago).
    """
    rng = np.random.default_rng([seed, 11])
    languages = simulate_languages(interactions, rng=rng)
    prices = simulate_prices(items, rng=rng)
    suppliers = rng.choice(len(SUPPLIERS), size=len(items), p=_supplier_shares())
    in_stock = rng.random(len(items)) < 0.95
    return tuple(
        replace(
            item,
            language=languages[row],
            price=None if np.isnan(prices[row]) else round(float(prices[row]), 2),
            in_stock=bool(in_stock[row]),
            source=SUPPLIERS[suppliers[row]],
            batch=batch.isoformat(),
            version=1,
            simulated=SIMULATED_COLUMNS,
        )
        for row, item in enumerate(items)
    )


def simulate_languages(interactions: Interactions, *, rng: np.random.Generator) -> list[str | None]:
    """Return one language per item: its taste group's, some at random, a few missing."""
    shares = list(LANGUAGE_SHARES.values())
    groups = cluster_items(interactions, shares=shares, rng=rng)
    drawn = rng.choice(len(shares), size=len(groups), p=shares)
    noisy = (groups < 0) | (rng.random(len(groups)) < _LANGUAGE_NOISE)
    missing = rng.random(len(groups)) < _LANGUAGE_MISSING
    codes = np.where(noisy, drawn, groups)
    return [None if gone else LANGUAGES[code] for code, gone in zip(codes, missing, strict=True)]


def simulate_prices(
    items: Sequence[ItemFeatures], *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return lognormal prices around a median that newer years and some genres raise.

    NaN where the supplier names no price, (n_items,).
    """
    years = np.array([item.year or 1990 for item in items], dtype=np.float64)
    dear = np.array([any(genre in _DEAREST_GENRES for genre in item.genres) for item in items])
    centre = np.log(_PRICE_MEDIAN) + _NEWEST_YEAR_PREMIUM * (years - 1990.0) + 0.2 * dear
    prices: NDArray[np.float64] = np.exp(centre + _PRICE_SPREAD * rng.normal(size=len(items)))
    prices[rng.random(len(items)) < _PRICE_MISSING] = np.nan
    return prices


def _supplier_shares() -> NDArray[np.float64]:
    weights = 1.0 / np.sqrt(np.arange(1.0, len(SUPPLIERS) + 1.0))
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
