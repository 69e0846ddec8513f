"""The table that every drift judge is given: lognormal columns, the same numbers for the same seed.

Imports numpy alone: it also runs in the other library's environment.
"""

from __future__ import annotations

import numpy as np


def make_table(*, rows: int, columns: int, seed: int) -> dict[str, np.ndarray]:
    """Columns c0, c1, … of (rows,) float64."""
    rng = np.random.default_rng(seed)
    return {f"c{number}": rng.lognormal(size=rows) for number in range(columns)}
