"""Items of a made-up catalogue: every column is simulated and says so."""

from __future__ import annotations

from datetime import date

import numpy as np

from recsysops.simulation.attributes import SUPPLIERS
from recsysops.vocabulary import ItemFeatures

GENRES = ("Action", "Comedy", "Crime", "Documentary", "Drama", "Horror", "Romance", "Sci-Fi")
LANGUAGES_SPOKEN = ("en", "fr", "es", "de", "ja", "hi")
_LANGUAGE_SHARES = (0.3, 0.2, 0.15, 0.13, 0.12, 0.1)
_ALL_COLUMNS = (
    "title", "genres", "year", "language", "price", "in_stock", "source", "batch", "launch_date"
)  # fmt: skip


def make_items(count: int, *, batch: date, rng: np.random.Generator) -> tuple[ItemFeatures, ...]:
    """Make items 'i-0000', 'i-0001', …, all launched long ago and in stock."""
    languages = rng.choice(len(LANGUAGES_SPOKEN), size=count, p=_LANGUAGE_SHARES)
    prices = np.exp(rng.normal(np.log(9.0), 0.35, size=count))
    years = rng.integers(1975, batch.year + 1, size=count)
    return tuple(
        ItemFeatures(
            item_id=f"i-{number:04d}",
            title=f"Item {number}",
            genres=_draw_genres(rng),
            year=int(years[number]),
            language=LANGUAGES_SPOKEN[languages[number]],
            price=round(float(prices[number]), 2),
            in_stock=True,
            launch_date=None,
            source=SUPPLIERS[int(rng.integers(len(SUPPLIERS)))],
            batch=batch.isoformat(),
            version=1,
            simulated=_ALL_COLUMNS,
        )
        for number in range(count)
    )


def _draw_genres(rng: np.random.Generator) -> tuple[str, ...]:
    how_many = int(rng.integers(1, 4))
    return tuple(GENRES[code] for code in rng.choice(len(GENRES), size=how_many, replace=False))
