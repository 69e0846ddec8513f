"""Exact tests of counts of rows that nothing but chance groups: items, one row each.

The jackknife knows its own error from 32 groups, so no difference is surer to it than Student's t
with 31 degrees allows: a tenth of one supplier's 300 items stays unsure among thousands of tests.
Rows that are known to be independent need no such caution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsysops.statistics.jackknife import (
    Estimates,
    jackknife_error,
    leave_one_group_out,
    ratio,
)
from recsysops.statistics.shares import Weighted
from recsysops.statistics.student import Floats, incomplete_beta, normal_p_value

_MANY = 100.0


def compare_counted_shares(reference: Weighted, window: Weighted) -> Floats:
    """Return two-sided p-values of 'the share is the same', for independent rows, (…,).

    Given how many rows of both windows are counted, the window's number of them is binomial: the
    conditional test of two Poisson counts, which for shares is on the safe side, and so it is for
    rows that both windows hold. Of a share and what is left of it, the rarer is counted.
    Source: Przyborowski and Wilenski, Homogeneity of results in testing samples from Poisson
    series (1940).
    """
    rows = [np.asarray(side.effective_rows, np.float64) for side in (reference, window)]
    counts = [_share(side) * n for side, n in zip((reference, window), rows, strict=True)]
    common = counts[0] + counts[1] > (rows[0] + rows[1]) / 2.0
    before, now = (np.where(common, n - x, x) for x, n in zip(counts, rows, strict=True))
    expected = rows[1] / np.where(rows[0] + rows[1] > 0, rows[0] + rows[1], np.nan)
    rose = now >= expected * (before + now)
    tail = binomial_tail(
        np.where(rose, now, before), before + now, np.where(rose, expected, 1.0 - expected)
    )
    p_value: Floats = np.minimum(2.0 * tail, 1.0)
    return p_value


def compare_common_shares(reference: Weighted, window: Weighted) -> Floats:
    """Return two-sided p-values of 'the share is the same', for independent rows, (…,).

    For shares that need not be rare, where the test of two Poisson counts gives away up to half of
    what the rows know: with 100 rows and more on the rarer side, the normal with the variance of
    one pooled share, which no estimate from 32 groups makes unsure; with fewer the counts.
    """
    rows = [np.asarray(side.effective_rows, np.float64) for side in (reference, window)]
    shares = [_share(side) for side in (reference, window)]
    total = np.where(rows[0] + rows[1] > 0, rows[0] + rows[1], np.nan)
    pooled = (shares[0] * rows[0] + shares[1] * rows[1]) / total
    rarer = np.minimum(pooled, 1.0 - pooled) * total
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / rows[0] + 1.0 / rows[1]))
        normal = normal_p_value((shares[1] - shares[0]) / error)
    few = ~(rarer >= _MANY)
    if few.any():  # the exact test costs a hundred times as much, and most parts are many rows
        normal[few] = compare_counted_shares(_only(reference, few), _only(window, few))
    return normal


def compare_kept_shares(
    reference: Weighted, window: Weighted, *, tolerated: Floats | float
) -> Floats:
    """Return p-values of 'the share rose by no more than is tolerated', one-sided, (…,).

    For rows that keep what they are, such as the items of a catalogue: both windows hold the same
    ones, so the reference's share is where they began, not an estimate of it. Of the window's rows
    so many may still change: a binomial of that share and the tolerated rise. tolerated broadcasts.
    """
    usual = np.minimum(_share(reference) + tolerated, 1.0)
    rows = np.asarray(window.effective_rows, np.float64)
    return binomial_tail(_share(window) * rows, rows, usual)


def compare_with_tolerated(sums: Weighted, *, tolerated: float) -> Estimates:
    """Test one window's share against a share that is still usual, one-sided: is it more?

    Binomial on the rows that the weights are worth, divided by the design effect: how much larger
    the jackknife's variance is than a binomial's, at least 1.
    Source: Rao and Scott, A simple method for the analysis of clustered binary data (1992).
    """
    whole = np.broadcast_to(sums.whole, sums.part.shape)
    share = _share(sums)
    error = jackknife_error(ratio(leave_one_group_out(sums.part), leave_one_group_out(whole)))
    rows = np.asarray(sums.effective_rows, np.float64)
    chance = share * (1.0 - share) / np.where(rows > 0, rows, np.nan)
    inflated = np.where(chance > 0, np.fmax(error**2 / np.where(chance > 0, chance, 1.0), 1.0), 1.0)
    worth = rows / inflated
    return Estimates(share, error, binomial_tail(share * worth, worth, tolerated))


def binomial_tail(count: Floats | float, rows: Floats | float, share: Floats | float) -> Floats:
    """Return P(X >= count) of a binomial variable, elementwise; counts may be fractions.

    >>> round(float(binomial_tail(2.0, 3.0, 0.5)), 9)
    0.5
    """
    count, rows, share = np.broadcast_arrays(
        *(np.asarray(one, np.float64) for one in (count, rows, share))
    )
    some = count > 0
    counted = np.where(some, np.minimum(count, rows), 1.0)
    left = np.where(some, np.maximum(rows - counted, 0.0), 0.0) + 1.0
    tail: Floats = np.where(some, incomplete_beta(share, a=counted, b=left), 1.0)
    return tail


def _only(sums: Weighted, chosen: NDArray[np.bool_]) -> Weighted:
    whole = np.broadcast_to(sums.whole, sums.part.shape)
    rows = np.broadcast_to(np.asarray(sums.effective_rows, np.float64), chosen.shape)
    return Weighted(sums.part[chosen], whole[chosen], rows[chosen])


def _share(sums: Weighted) -> Floats:
    whole = np.broadcast_to(sums.whole, sums.part.shape)
    return np.asarray(ratio(sums.part.sum(axis=-1), whole.sum(axis=-1)))
