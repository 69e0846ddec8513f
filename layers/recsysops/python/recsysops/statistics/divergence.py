"""How far apart two binned distributions are: PSI, Kolmogorov–Smirnov, Jensen–Shannon, L∞."""

from __future__ import annotations

import numpy as np

from recsysops.statistics.student import Floats

_SMALLEST_SHARE = 1e-4
"""Empty bins count as this share: PSI's logarithm needs one, and 0.01 % harms no estimate."""


def population_stability_index(reference: Floats, window: Floats) -> float:
    """Return PSI = Σ (q - p) ln(q / p) over bins; 0.1 is a moderate, 0.2 a large shift.

    Args are counts or weights per bin, (n_bins,); no weight on a side gives NaN.
    Source: Siddiqi, Credit Risk Scorecards (2006).
    """
    p = np.maximum(_shares(reference), _SMALLEST_SHARE)
    q = np.maximum(_shares(window), _SMALLEST_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def kolmogorov_smirnov(reference: Floats, window: Floats) -> float:
    """Return the largest distance of the two cumulative shares over ascending bins, in [0, 1]."""
    return float(np.abs(np.cumsum(_shares(window) - _shares(reference))).max())


def jensen_shannon(reference: Floats, window: Floats) -> float:
    """Return the Jensen–Shannon distance in base 2 over categories, in [0, 1].

    The square root of the divergence. Source: Lin, IEEE Transactions on Information Theory (1991).
    """
    p, q = _shares(reference), _shares(window)
    middle = (p + q) / 2.0
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0
    return float(np.sqrt(max(divergence, 0.0)))


def _shares(weights: Floats) -> Floats:
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), np.nan)


def _relative_entropy(p: Floats, middle: Floats) -> float:
    if np.isnan(p).any() or np.isnan(middle).any():
        return float("nan")
    seen = p > 0
    return float((p[seen] * np.log2(p[seen] / middle[seen])).sum())
