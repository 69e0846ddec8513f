"""Controls how many of many tests may be false discoveries."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recsysops.statistics.student import Floats

Dependence = Literal["independent", "any"]


def adjust_p_values(
    p_values: Floats, *, tested: int | None = None, dependence: Dependence = "independent"
) -> Floats:
    """Return p-values adjusted so that 'adjusted ≤ q' controls the false discovery rate at q.

    Args:
        p_values: (n,), those worth keeping.
        tested: how many tests were made; the rest count as p = 1. At least n.
        dependence: "independent" (or positively dependent) is Benjamini and Hochberg (1995);
            "any" is Benjamini and Yekutieli (2001), for tests nested in one another.
    """
    p = np.asarray(p_values, np.float64)
    count = max(len(p), tested or 0)
    if not len(p):
        return p
    order = np.argsort(p, kind="stable")
    scale = count * (_harmonic(count) if dependence == "any" else 1.0)
    raw = p[order] * scale / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return adjusted


def spend_alpha(*, budget_per_week: float, every_hours: float, revision: int = 0) -> float:
    """Return the level of one run: its share of the week's budget of false alarms.

    A schedule that runs every h hours makes 168/h runs a week, so each may spend h/168 of the
    budget (a union bound over time: whatever the runs share, the week's expected number of runs
    with a false alarm stays within it). The first judgement of a window spends half of that, the
    one after lateness closes a quarter, and so on.
    """
    return budget_per_week * min(every_hours / 168.0, 1.0) * 0.5 ** (revision + 1)


def _harmonic(count: int) -> float:
    return float((1.0 / np.arange(1, count + 1)).sum())
