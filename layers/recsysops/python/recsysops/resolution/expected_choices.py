"""Expected clicks (or plays) now and with a hotfix, per 1,000 requests, or why nobody can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import Interval
from recsysops.experiments.recorded_choices import Choices, estimate_hits
from recsysops.experiments.slate_support import SupportRules
from recsysops.experiments.slate_value import estimate_slate_value
from recsysops.resolution.replayed_window import ReplayedWindow
from recsysops.vocabulary import FeedbackKind

PER_REQUESTS = 1_000

Method = Literal["explored slots", "recorded choices"]

_ASSUMPTIONS: dict[Method, str] = {
    "explored slots": "position-based clicks, examination as slot^-decay estimated on explored "
    "slots, logged propensities and inclusion probabilities; doubly robust, 90 % interval over "
    "members",
    "recorded choices": "re-timed traffic: choices were made before and do not depend on the "
    "slate; a hit is a choice on the slate; 90 % interval over members",
}


@dataclass(frozen=True, slots=True)
class ExpectedChoices:
    """Choices of one kind per 1,000 requests, with 90 % intervals, and how they were found.

    evidence: numbers an operator may want: explored clicks, effective matches, IPS, SNIPS…
    """

    kind: FeedbackKind
    method: Method
    now: Interval
    new: Interval
    difference: Interval
    assumptions: str
    evidence: dict[str, float]


def expect_choices(
    replayed: ReplayedWindow, *, rules: SupportRules | None = None, confidence: float = 0.9
) -> ExpectedChoices:
    """Estimate what the hotfix changes for members.

    Re-timed traffic is judged by its recorded choices; all other by explored slots.

    Raises: CouldNotJudge with the reason.
    """
    if not replayed.window.choices:
        raise CouldNotJudge("could not judge, because the window has no full record of a slate")
    if replayed.window.traffic == "re-timed":
        return _from_recorded_choices(replayed, confidence=confidence)
    return _from_explored_slots(replayed, rules=rules, confidence=confidence)


def _from_explored_slots(
    replayed: ReplayedWindow, *, rules: SupportRules | None, confidence: float
) -> ExpectedChoices:
    window = replayed.window
    value = estimate_slate_value(
        replayed.pairs, window.records, window.totals, rules=rules, confidence=confidence
    )
    return _scaled(
        window.kind,
        "explored slots",
        (value.now, value.new, value.difference),
        {
            "explored_clicks": float(value.support.explored_clicks),
            "effective_matches": value.support.effective_matches,
            "entering_share": value.support.entering,
            "unsupported_share": value.support.unsupported,
            "examination_decay": value.examination.decay,
            "ips": PER_REQUESTS * value.ips,
            "snips": PER_REQUESTS * value.snips,
        },
    )


def _from_recorded_choices(replayed: ReplayedWindow, *, confidence: float) -> ExpectedChoices:
    window = replayed.window
    value = estimate_hits(
        replayed.pairs,
        window.records,
        window.totals,
        choice_ranks(replayed),
        confidence=confidence,
    )
    intervals = (value.now, value.new, value.difference)
    evidence = {"recorded_choices": float(value.choices)}
    return _scaled(window.kind, "recorded choices", intervals, evidence)


def choice_ranks(replayed: ReplayedWindow) -> Choices:
    """Return where both orders rank every recorded choice."""
    group = replayed.window.records.group.tolist()
    ranks_of = [
        tuple({item_id: rank for rank, item_id in enumerate(order, start=1)} for order in orders)
        for orders in zip(replayed.old, replayed.new, strict=True)
    ]
    rows = [
        (at, *(ranks.get(item_id, 0) for ranks in ranks_of[group[at]]))
        for at, chosen in enumerate(replayed.window.choices)
        for item_id in chosen
    ]
    columns = np.array(rows, dtype=np.intp).reshape(-1, 3)
    return Choices(columns[:, 0], columns[:, 1], columns[:, 2])


def _scaled(
    kind: FeedbackKind,
    method: Method,
    intervals: tuple[Interval, Interval, Interval],
    evidence: dict[str, float],
) -> ExpectedChoices:
    now, new, difference = (interval.scaled(PER_REQUESTS) for interval in intervals)
    return ExpectedChoices(kind, method, now, new, difference, _ASSUMPTIONS[method], evidence)
