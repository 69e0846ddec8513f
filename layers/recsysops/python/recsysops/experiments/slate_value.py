"""Expected clicks of another ranking policy, from the logs of this one, with an honest interval.

Estimand: clicks per request if every request of the window had been ranked by the new policy
(which explores as the old one did). Assumptions, and what happens when they break:

1. Position-based model: P(click) = examination(slot) · relevance(member, item), no effect of the
   neighbours (Craswell et al., WSDM 2008). Where neighbours matter (near duplicates), an item's
   clicks carry over with that error.
2. examination = slot^-η, η from randomised slots (examination.py); its error is in the interval,
   its shape is not.
3. Logged propensities are those of the final slate, and full records were drawn with the logged
   inclusion probability, whatever was clicked. A wrong propensity biases without a warning.
4. An item without support is at most as relevant as the best slot's items on average: the
   interval is widened by that bound, and the estimate refused when it matters.

Estimator: each click counts new exposure / logged exposure of its item (the item-position
importance weight of Li et al., "Offline evaluation of ranking policies with click models", KDD
2018). Moderate weights (items shown anyway) go to a ratio estimate over members; the rare heavy
ones (explored items that the new policy would show) are doubly robust (Dudík, Langford and Li,
ICML 2011) with Fay and Feuer's interval for rare weighted events; the parts add by MOVER.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.experiments.examination import Examination, estimate_examination
from recsysops.experiments.intervals import (
    Float64Array,
    Interval,
    add_intervals,
    rare_sum_interval,
    ratio_interval,
)
from recsysops.experiments.quantiles import normal_quantile
from recsysops.experiments.reward_model import RewardModel
from recsysops.experiments.slate_log import OrderPairs, SlateRecords, WindowTotals
from recsysops.experiments.slate_reward import fit_slate_model
from recsysops.experiments.slate_support import (
    Support,
    SupportRules,
    blind_items,
    entering_items,
    measure_support,
    orders_agree,
    refuse_without_support,
)
from recsysops.experiments.slate_weights import (
    SlateLog,
    SlateWeights,
    realised_exposure,
    weigh_slates,
)


@dataclass(frozen=True, slots=True)
class SlateValue:
    """Clicks per request now, under the new policy, and the difference, with intervals.

    ips, snips: the new value by plain and by self-normalised importance weighting, to compare.
    """

    now: Interval
    new: Interval
    difference: Interval
    ips: float
    snips: float
    support: Support
    examination: Examination


def estimate_slate_value(
    pairs: OrderPairs,
    records: SlateRecords,
    totals: WindowTotals,
    *,
    rules: SupportRules | None = None,
    confidence: float = 0.9,
) -> SlateValue:
    """Estimate clicks per request under the old and the new order.

    Orders that agree in every slot need no support: the difference is exactly 0.

    Raises: CouldNotJudge when nothing was explored, too little of what the new policy shows was
    ever shown, or too few clicks tell position from relevance.
    """
    log = SlateLog(pairs, records, totals)
    now = ratio_interval(totals.clicks, totals.requests, confidence=confidence)
    examination = estimate_examination(totals.explored_click_slots, totals.explored_click_limits)
    if orders_agree(pairs):
        return _unchanged(now, examination)
    weights = weigh_slates(log, examination)
    support = measure_support(log, weights, explored_clicks=examination.click_count)
    refuse_without_support(support, log, rules or SupportRules())
    model = fit_slate_model(log, weights)
    new, difference = (
        _estimate(log, weights, model, examination, base=base, confidence=confidence)
        for base in (totals.clicks, np.zeros_like(totals.clicks))
    )
    ips, snips = _plain_estimates(log, weights)
    return SlateValue(now, new, difference, ips, snips, support, examination)


def _unchanged(now: Interval, examination: Examination) -> SlateValue:
    nothing = Interval(0.0, 0.0, 0.0)
    support = Support(0.0, 0.0, 0.0, examination.click_count)
    return SlateValue(now, now, nothing, now.value, now.value, support, examination)


def _estimate(
    log: SlateLog,
    weights: SlateWeights,
    model: RewardModel,
    examination: Examination,
    *,
    base: Float64Array,
    confidence: float,
) -> Interval:
    """Add the parts of the new value; `base` is (c,) clicks as they were, or 0 for a difference."""
    common = ratio_interval(
        base + _common_part(log, weights), log.totals.requests, confidence=confidence
    )
    rare = _rare_part(log, weights, model, confidence=confidence).scaled(1.0 / log.record_weight)
    bend = _examination_part(log, model, examination, confidence=confidence)
    blind, bound = _blind_part(log, weights, model)
    known = add_intervals([common, rare, bend])
    return known.shifted(blind).widened(below=blind, above=max(0.0, bound - blind))


def _common_part(log: SlateLog, weights: SlateWeights) -> Float64Array:
    """Return Σ weight · (ratio - 1) over clicks per cluster, heavy ratios read as 0, (c,).

    Rescaled so that the weights sum to the number of requests (Hájek).
    """
    records = log.records
    ratio = np.where(weights.heavy_click, 0.0, weights.click_ratio)
    change = records.weight[records.click_record] * (ratio - 1.0)
    sums = np.bincount(
        records.cluster[records.click_record], weights=change, minlength=len(log.totals.requests)
    )
    return np.asarray(sums * (log.totals.requests.sum() / log.record_weight), dtype=np.float64)


def _rare_part(
    log: SlateLog, weights: SlateWeights, model: RewardModel, *, confidence: float
) -> Interval:
    """Return the doubly robust sum over entering items of the weighted window.

    What the model expects of them, plus what explored slots showed beyond the model. The clicks
    are what is rare: the interval is theirs, moved by the model's terms.
    """
    heavy = np.flatnonzero(weights.heavy)
    heavy_weight = log.records.weight[heavy] * weights.explored_ratio[heavy]
    old = log.records.explored_rank[heavy]
    new = log.pairs.new_rank[log.records.group[heavy], old - 1]
    examined = weights.curve[log.records.explored_slot[heavy] - 1]
    foreseen = float((heavy_weight * examined * model.relevance(new, old)).sum())
    observed = rare_sum_interval(
        _heavy_click_sums(log, weights),
        next_weight=_next_weight(heavy_weight, examined),
        confidence=confidence,
    )
    moved = observed.shifted(_modelled_entering(log, weights, model) - foreseen)
    return Interval(moved.value, max(0.0, min(moved.low, moved.value)), moved.high)


def _modelled_entering(log: SlateLog, weights: SlateWeights, model: RewardModel) -> float:
    groups, columns = np.nonzero(entering_items(log.pairs))
    guess = model.relevance(columns + 1, log.pairs.old_rank[groups, columns])
    return float((log.group_weight[groups] * weights.exposure[groups, columns] * guess).sum())


def _heavy_click_sums(log: SlateLog, weights: SlateWeights) -> Float64Array:
    at = log.records.click_record[weights.heavy_click]
    heavy_weight = log.records.weight[at] * weights.explored_ratio[at]
    return np.bincount(
        log.records.cluster[at], weights=heavy_weight, minlength=len(log.totals.requests)
    ).astype(np.float64)


def _next_weight(heavy_weight: Float64Array, examined: Float64Array) -> float:
    """Return the weight to expect of one more click: matches weigh by how often they are seen."""
    chance = heavy_weight * examined
    total = float(chance.sum())
    return float((chance * heavy_weight).sum()) / total if total > 0.0 else 0.0


def _blind_part(log: SlateLog, weights: SlateWeights, model: RewardModel) -> tuple[float, float]:
    """Return the modelled clicks per request on unsupported items, and their upper bound."""
    groups, columns = np.nonzero(blind_items(log.pairs))
    exposure = log.group_weight[groups] * weights.exposure[groups, columns] / log.record_weight
    guess = model.relevance(columns + 1, log.pairs.old_rank[groups, columns])
    best = float(model.relevance(np.array([1]), np.array([1]))[0])
    return float((exposure * guess).sum()), float(exposure.sum()) * best


def _examination_part(
    log: SlateLog, model: RewardModel, examination: Examination, *, confidence: float
) -> Interval:
    """Return how far the value moves when the decay moves within its own interval, around 0."""
    reach = normal_quantile(0.5 + confidence / 2.0)
    middle, *ends = (
        _value_at(log, model, examination.moved(side)) for side in (0.0, -reach, reach)
    )
    moves = [end - middle for end in ends]
    return Interval(0.0, min(0.0, *moves), max(0.0, *moves))


def _value_at(log: SlateLog, model: RewardModel, examination: Examination) -> float:
    weights = weigh_slates(log, examination)
    common = float(_common_part(log, weights).sum()) / float(log.totals.requests.sum())
    rare = _rare_part(log, weights, model, confidence=0.9).value
    return common + rare / log.record_weight


def _plain_estimates(log: SlateLog, weights: SlateWeights) -> tuple[float, float]:
    """Return IPS and SNIPS of the new value: clicks times their ratio, over requests, or over
    the realised exposure times the exposure that was to be expected."""
    weight = log.records.weight[log.records.click_record]
    gained = float((weight * weights.click_ratio).sum())
    wanted = float((log.group_weight[:, None] * weights.exposure).sum()) / log.record_weight
    realised = realised_exposure(log, weights)
    return gained / log.record_weight, gained / realised * wanted if realised > 0.0 else 0.0
