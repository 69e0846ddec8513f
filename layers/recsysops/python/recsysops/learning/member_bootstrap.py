"""Intervals for ranking metrics: whole members are resampled, all models on the same members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.kernel import Float64Array

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % percentile interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MemberMeans:
    """Resampled means per event: means (columns,), resampled (RESAMPLES, columns)."""

    means: Float64Array
    resampled: Float64Array

    def interval(self, column: int) -> Interval:
        """Return a column's mean."""
        return _interval(self.means[column], self.resampled[:, column])

    def difference(self, column: int, against: int) -> Interval:
        """Return a column's mean minus another's, on the same members."""
        return _interval(
            self.means[column] - self.means[against],
            self.resampled[:, column] - self.resampled[:, against],
        )

    def ratio(self, column: int, against: int) -> Interval:
        """Return a column's mean over another's, on the same members; NaN over 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return _interval(
                np.divide(self.means[column], self.means[against]),
                np.divide(self.resampled[:, column], self.resampled[:, against]),
            )


def resample_members(
    values: Float64Array, members: NDArray[np.int32], *, rng: np.random.Generator
) -> MemberMeans:
    """Resample members with replacement; a member brings all of their events.

    Events of one member go together, so resampling events would make intervals too narrow
    (Davison, Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).

    Args:
        values: one column per metric and model, (n_events, columns).
        members: code of each event's member, (n_events,).
        rng: source of the resamples.
    """
    _, cluster = np.unique(members, return_inverse=True)
    count = int(cluster.max()) + 1
    sums = np.stack(
        [np.bincount(cluster, weights=column, minlength=count) for column in values.T], axis=1
    )
    sizes = np.bincount(cluster, minlength=count)
    draws = rng.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES)
    resampled = (draws @ sums) / (draws @ sizes)[:, None]
    return MemberMeans(values.mean(axis=0), resampled)


def _interval(value: float, resampled: Float64Array) -> Interval:
    low, high = np.quantile(resampled, [0.025, 0.975]).tolist()
    return Interval(float(value), low, high)
