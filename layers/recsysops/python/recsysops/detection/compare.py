"""How judges compare two periods: shares, means and whole distributions, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsysops.detection.cells import Distribution, Sums
from recsysops.statistics.counts import (
    compare_common_shares,
    compare_counted_shares,
    compare_kept_shares,
)
from recsysops.statistics.divergence import (
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability_index,
)
from recsysops.statistics.shares import (
    Weighted,
    compare_means,
    compare_shares,
    compare_with_zero,
)
from recsysops.statistics.student import Floats


@dataclass(frozen=True, slots=True)
class Change:
    """A share or mean before and now, and the p-value of no change."""

    baseline: float
    observed: float
    p_value: float

    @property
    def increase(self) -> float:
        """Observed less baseline."""
        return self.observed - self.baseline


@dataclass(frozen=True, slots=True)
class DistributionChange:
    """How far a whole distribution moved.

    ks and psi read the cells as ascending bins, js as categories. p_value: the smallest of the
    tests of its (cumulative) shares, times their number. cell: the one whose share changed most,
    with that share before and now.
    """

    ks: float
    psi: float
    js: float
    p_value: float
    cell: str
    baseline: float
    observed: float


def share_changes(
    pairs: Sequence[tuple[Weighted, Weighted]], *, of_items: bool = False
) -> list[Change]:
    """Test (reference, window) shares, all at once.

    of_items: rows are items, one each, that nothing but chance groups: counted exactly.
    """
    if not pairs:
        return []
    before, now = (_stack([pair[side] for pair in pairs]) for side in (0, 1))
    p_values = (
        compare_counted_shares(before, now) if of_items else compare_shares(before, now).p_value
    )
    return [
        Change(float(b), float(n), float(p))
        for b, n, p in zip(_share(before), _share(now), p_values, strict=True)
    ]


def item_share_changes(
    pairs: Sequence[tuple[Weighted, Weighted]], *, tolerated: Sequence[float]
) -> list[Change]:
    """Test whether (reference, window) shares of items rose by more than is tolerated of each."""
    if not pairs:
        return []
    before, now = (_stack([pair[side] for pair in pairs]) for side in (0, 1))
    p_values = compare_kept_shares(before, now, tolerated=np.asarray(tolerated))
    return [
        Change(float(b), float(n), float(p))
        for b, n, p in zip(_share(before), _share(now), p_values, strict=True)
    ]


def mean_change(before: Sums, now: Sums) -> Change:
    """Test the change of the mean of x."""
    return mean_changes([(before, now)])[0]


def mean_changes(pairs: Sequence[tuple[Sums, Sums]]) -> list[Change]:
    """Test changes of the mean of x of (reference, window), all at once."""
    if not pairs:
        return []
    before, now = (_stack([pair[side].mean() for pair in pairs]) for side in (0, 1))
    p_values = np.nan_to_num(compare_means(before, now).p_value, nan=1.0)
    return [
        Change(float(b), float(n), float(p))
        for b, n, p in zip(_share(before), _share(now), p_values, strict=True)
    ]


def window_mean(now: Sums) -> Change:
    """Test the mean of x in one period against zero."""
    found = compare_with_zero(now.mean())
    return Change(0.0, float(found.value), float(np.nan_to_num(found.p_value, nan=1.0)))


def distribution_change(
    found: Distribution, *, ordered: bool, of_items: bool = False
) -> DistributionChange:
    """Measure and test how far a distribution moved; `ordered` cells are ascending bins.

    of_items: rows are items, see `share_changes`.
    """
    before, now = found.reference, found.window
    shares = _cell_shares(now) - _cell_shares(before)
    place = int(np.abs(shares).argmax())
    return DistributionChange(
        ks=kolmogorov_smirnov(before.weights, now.weights),
        psi=population_stability_index(before.weights, now.weights),
        js=jensen_shannon(before.weights, now.weights),
        p_value=smallest_p_value(found, ordered=ordered, of_items=of_items),
        cell=found.cells[place],
        baseline=float(_cell_shares(before)[place]),
        observed=float(_cell_shares(now)[place]),
    )


def quantiles_of_bins(sums: Sums, *, at: Sequence[float]) -> Floats:
    """Return rough quantiles of x from the bins' means, interpolated between their middles."""
    weights = sums.weights
    filled = weights > 0
    means = sums.values.sum(axis=1)[filled] / weights[filled]
    order = np.argsort(means)
    shares = weights[filled][order] / weights.sum()
    middles = np.cumsum(shares) - shares / 2.0
    quantiles: Floats = np.interp(np.asarray(at, np.float64), middles, means[order])
    return quantiles


def standard_deviation(sums: Sums) -> float:
    """Return the weighted standard deviation of x over all cells."""
    weight = sums.weights.sum()
    mean = sums.values.sum() / weight
    return float(np.sqrt(max(sums.spread.sum() / weight - mean * mean, 0.0)))


def smallest_p_value(found: Distribution, *, ordered: bool, of_items: bool = False) -> float:
    """Return the p-value of 'the distribution is the same', for `distribution_change`'s arguments.

    Bonferroni over the tested shares: valid however they depend on one another.
    """
    before, now = found.reference, found.window
    parts = [np.cumsum(s.groups, axis=0)[:-1] if ordered else s.groups for s in (before, now)]
    if not len(parts[0]):
        return 1.0
    reference, window = (
        Weighted(part, sums.whole, np.full(len(part), sums.effective))
        for part, sums in zip(parts, (before, now), strict=True)
    )
    p_values = (
        compare_common_shares(reference, window)
        if of_items
        else compare_shares(reference, window).p_value
    )
    return float(min(1.0, len(p_values) * np.nanmin(p_values)))


def _stack(sums: Sequence[Weighted]) -> Weighted:
    return Weighted(
        np.stack([one.part for one in sums]),
        np.stack([one.whole for one in sums]),
        np.array([one.effective_rows for one in sums]),
    )


def _share(sums: Weighted) -> Floats:
    part, whole = sums.part.sum(axis=-1), sums.whole.sum(axis=-1)
    return np.asarray(part / np.where(whole > 0, whole, np.nan))


def _cell_shares(sums: Sums) -> Floats:
    shares: Floats = sums.weights / sums.weights.sum()
    return shares
