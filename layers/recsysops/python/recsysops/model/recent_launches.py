"""Knows which items launched lately: looked up once a day, not with every request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class RecentLaunches:
    """The items of one catalogue that launch after a day, kept for the day asked for last."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: tuple[int, frozenset[str]] | None = None

    def after(
        self, day: int, *, ids: Sequence[str], launch_days: NDArray[np.int64]
    ) -> frozenset[str]:
        """Return the ids whose launch day, (n,), is later; always asked of the same items."""
        found = self._found
        if found is None or found[0] != day:
            rows = np.flatnonzero(launch_days > day).tolist()
            # two threads may both look: each returns its own, either may stay
            found = self._found = day, frozenset(map(ids.__getitem__, rows))
        return found[1]
