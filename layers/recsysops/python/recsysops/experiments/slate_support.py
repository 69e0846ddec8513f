"""Whether a log can say anything about another order: support checks and honest refusals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import effective_sample_size
from recsysops.experiments.slate_log import (
    OrderPairs,
    holds_item,
    in_new_slate,
    in_old_pool,
    in_old_slate,
)
from recsysops.experiments.slate_weights import SlateLog, SlateWeights


@dataclass(frozen=True, slots=True)
class SupportRules:
    """What a log must offer before a number is given.

    most_unsupported: share of the new exposure on items the old policy could not show.
    fewest_matches: effective number of explored slots that showed what the new policy would.
    fewest_explored_clicks: clicks on explored slots, from which examination is estimated.
    """

    most_unsupported: float = 0.1
    fewest_matches: float = 15.0
    fewest_explored_clicks: int = 20


@dataclass(frozen=True, slots=True)
class Support:
    """What the log offers, see SupportRules; `entering` is the share of the new exposure on
    items that only exploration showed."""

    unsupported: float
    entering: float
    effective_matches: float
    explored_clicks: int


def orders_agree(pairs: OrderPairs) -> bool:
    """Return whether every slate would stay exactly as it was."""
    ranks = np.arange(1, pairs.old_rank.shape[1] + 1)[None, :]
    slots = in_new_slate(pairs)
    emptied = slots & ~holds_item(pairs) & (pairs.new_rank >= 0)
    return not ((slots & holds_item(pairs) & (pairs.old_rank != ranks)) | emptied).any()


def entering_items(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which new slots hold an item that only exploration showed, (g, R)."""
    return in_old_pool(pairs) & in_new_slate(pairs)


def blind_items(pairs: OrderPairs) -> NDArray[np.bool_]:
    """Return which new ranks hold an item that the old policy could not show, (g, R)."""
    return ~(in_old_slate(pairs) | in_old_pool(pairs)) & holds_item(pairs)


def measure_support(log: SlateLog, weights: SlateWeights, *, explored_clicks: int) -> Support:
    """Measure what the log offers for the new order."""
    exposure = log.group_weight[:, None] * weights.exposure
    total = float(exposure.sum())
    matched = (log.records.weight * weights.explored_ratio)[weights.heavy]
    return Support(
        unsupported=float(exposure[blind_items(log.pairs)].sum()) / total,
        entering=float(exposure[entering_items(log.pairs)].sum()) / total,
        effective_matches=effective_sample_size(matched),
        explored_clicks=explored_clicks,
    )


def refuse_without_support(support: Support, log: SlateLog, rules: SupportRules) -> None:
    """Raise CouldNotJudge when the log cannot carry an estimate, with the reason."""
    if not (log.records.explored_slot > 0).any():
        raise CouldNotJudge("could not judge, because no request of the window explored")
    if support.unsupported > rules.most_unsupported:
        raise CouldNotJudge(
            f"could not judge, because {support.unsupported:.0%} of what would be shown was never "
            f"shown by the logged policy (at most {rules.most_unsupported:.0%} is allowed)"
        )
    if support.explored_clicks < rules.fewest_explored_clicks:
        raise CouldNotJudge(
            f"could not judge, because only {support.explored_clicks} clicks on explored slots "
            f"tell position from relevance ({rules.fewest_explored_clicks} are needed)"
        )
    if support.entering > 0.0 and support.effective_matches < rules.fewest_matches:
        raise CouldNotJudge(
            f"could not judge, because exploration showed what would be shown only "
            f"{support.effective_matches:.1f} times in effect ({rules.fewest_matches:.0f} needed)"
        )
