"""The log-rank test: does something happen to those at risk as soon as it did, whatever their age?

Who has not been reached yet is counted as at risk until then, no longer: censored, not failed.
Source: Peto et al., Design and analysis of randomized clinical trials requiring prolonged
observation of each patient (1977).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.statistics.jackknife import jackknife_error, leave_one_group_out, with_p_value
from recsysops.statistics.standardised import Strata
from recsysops.statistics.student import Floats


@dataclass(frozen=True, slots=True)
class LogRank:
    """Events of the window, and those expected of its rows at risk at the reference's rates.

    hazards: mean rate of an age (stratum) that both know, summed over ages: before and now.
    """

    observed: float
    expected: float
    hazards: tuple[float, float]
    p_value: float


def log_rank(reference: Strata, window: Strata) -> LogRank:
    """Compare rates of events (values) among rows at risk (weights), age by age (s, g).

    Two-sided, on the larger of the hypergeometric error and that of groups that go together.
    No age that both know gives zeros and p = 1.
    """
    both = (reference.weights.sum(axis=-1) > 0) & (window.weights.sum(axis=-1) > 0)
    parts = [part[both] for side in (reference, window) for part in (side.weights, side.values)]
    at_risk_before, before, at_risk, now = (part.sum(axis=-1) for part in parts)
    rates = before / at_risk_before
    replicates = _excess(*(leave_one_group_out(part) for part in parts))
    error = max(
        float(np.sqrt(_variance(at_risk_before, before, at_risk, now))),
        float(jackknife_error(replicates)),
    )
    excess = _excess(at_risk_before, before, at_risk, now)
    tested = with_p_value(excess, np.asarray(error), degrees=replicates.shape[-1] - 1)
    return LogRank(
        observed=float(now.sum()),
        expected=float((at_risk * rates).sum()),
        hazards=(float(rates.sum()), float((now / at_risk).sum())),
        p_value=float(tested.p_value),
    )


def _excess(at_risk_before: Floats, before: Floats, at_risk: Floats, now: Floats) -> Floats:
    """Return the window's events less its part of all events of the age, summed over ages."""
    rows = at_risk_before + at_risk
    part = np.divide(at_risk, rows, out=np.zeros_like(rows), where=rows > 0)
    excess: Floats = (now - part * (before + now)).sum(axis=0)
    return excess


def _variance(at_risk_before: Floats, before: Floats, at_risk: Floats, now: Floats) -> Floats:
    rows, events = at_risk_before + at_risk, before + now
    spread = events * (rows - events) / np.maximum(rows - 1.0, 1.0)
    variance: Floats = (spread * at_risk * at_risk_before / rows**2).sum(axis=0)
    return variance
