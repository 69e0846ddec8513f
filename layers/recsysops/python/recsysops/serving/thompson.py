"""Knows how items that few have seen yet get their chance: Thompson sampling of play rates.

A launch's play rate is uncertain, and so is every rate for a member nobody knows. Each such item
draws a rate from its Beta posterior and its score moves by log(rate / mean rate): rarely shown
items draw widely, well known ones hardly at all (Thompson, 1933; Chapelle and Li, "An empirical
evaluation of Thompson sampling", 2011). The request id is the seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array, Float64Array, IndexArray
from recsysops.vocabulary import SurfacePlan

_PRIOR_PLAYS, _PRIOR_SHOWN = 1.0, 20.0
"""Keeps the mean play rate of a catalogue that nobody was shown yet at 5 %."""
_LEAST_RATE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class UncertainItems:
    """Items of a shortlist that draw their play rate.

    at: (k,) positions in the shortlist. alpha, beta: (k,) of their Beta posteriors. mean: the
    catalogue's play rate, mean of the prior.
    """

    at: IndexArray
    alpha: Float64Array
    beta: Float64Array
    mean: float


def find_uncertain(
    catalogue: Catalogue, rows: IndexArray, *, plan: SurfacePlan, is_cold: bool, moment: datetime
) -> UncertainItems | None:
    """Return which items of a shortlist draw, None when none does.

    Everything for a cold member, recent launches for everybody else.

    Args:
        catalogue: what was ranked; its outcomes are the posteriors' data.
        rows: the shortlist's rows, (n,).
        plan: of the surface; its `prior_trials` is how many impressions the prior is worth.
        is_cold: the member has no vector.
        moment: of the request.
    """
    recent = catalogue.launched_since(moment, days=plan.launch_days)[rows]
    at = np.arange(len(rows), dtype=np.intp) if is_cold else np.flatnonzero(recent)
    if plan.policy != "thompson" or not len(at):
        return None
    shown, played = np.zeros(len(at)), np.zeros(len(at))
    mean = _PRIOR_PLAYS / _PRIOR_SHOWN
    if catalogue.outcomes is not None:
        shown, played = catalogue.outcomes[rows[at]].T.astype(np.float64)
        total = catalogue.outcomes.sum(axis=0)
        mean = float((total[1] + _PRIOR_PLAYS) / (total[0] + _PRIOR_SHOWN))
    alpha = mean * plan.prior_trials + played
    beta = (1.0 - mean) * plan.prior_trials + shown - played
    return UncertainItems(at, alpha, beta, mean)


def draw_utilities(
    scores: Float32Array, uncertain: UncertainItems, *, seed: str, count: int = 1
) -> Float64Array:
    """Return `count` draws of what every item is worth, (count, n); certain items keep theirs."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big"))
    rates = rng.beta(uncertain.alpha, uncertain.beta, size=(count, len(uncertain.at)))
    utilities = np.tile(scores.astype(np.float64), (count, 1))
    utilities[:, uncertain.at] += np.log(np.maximum(rates, _LEAST_RATE) / uncertain.mean)
    return utilities
