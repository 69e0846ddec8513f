"""Evaluates a policy that never served, on a log that another one wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from recsysops.datasets.open_bandit import (
    POSITIONS,
    BanditLog,
    BanditPolicy,
    Campaign,
    load_open_bandit,
)
from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import Float64Array, Interval, ratio_interval
from recsysops.experiments.off_policy.decisions import Decisions
from recsysops.experiments.off_policy.evaluation import (
    Evaluation,
    IntervalMethod,
    bound_policy,
    evaluate_policy,
)
from recsysops.experiments.off_policy.slot_decisions import (
    SlotDecisions,
    count_explored_rewards,
    exploring_policy,
    read_slot_decisions,
)
from recsysops.experiments.off_policy.support import SupportRules
from recsysops.ports import QueryEngine
from recsysops.request_log.records import FeedbackEvent
from recsysops.vocabulary import FeedbackKind, Window
from recsysops.workflows.preview_hotfix import LATENESS, read_feedback, read_slim_lines

LogName = Literal["open-bandit", "lake"]

PER = 1_000
LAKE_RULES = SupportRules(most_unsupported=0.001)
"""Every slot explores here, and what exploration is worth is the whole question."""
FEWEST_EXPLORED_REWARDS = 10
"""A bootstrap knows of explored rewards only what was seen: with none it would be sure of 0."""


@dataclass(frozen=True, slots=True)
class EvaluationTerms:
    """How to evaluate: interval method, its level, and the seed of the bootstrap."""

    interval: IntervalMethod = "bootstrap"
    confidence: float = 0.9
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What a policy would have earned, or why nobody can say.

    scale: values and gains times this are in `unit`. on_policy: what the policy earned in a log
    of its own, where there is one: the truth an estimate should meet. evaluation is None where
    `refusal` says why.
    """

    log: str
    policy: str
    unit: str
    scale: float
    decisions: int
    evaluation: Evaluation | None
    refusal: str | None
    on_policy: Interval | None
    notes: tuple[str, ...]

    def to_document(self) -> dict[str, object]:
        """Return the report as JSON-ready values, estimates in `unit`."""
        document = asdict(self)
        document.pop("evaluation")
        found = self.evaluation
        document["support"] = None if found is None else asdict(found.support)
        document["method"] = None if found is None else _method(found)
        document["now"] = None if found is None else self.scaled(found.now)
        document["estimates"] = [] if found is None else self._estimates(found)
        document["on_policy"] = self.scaled(self.on_policy)
        return document

    def scaled(self, interval: Interval | None) -> Interval | None:
        """Return an interval in `unit`."""
        return None if interval is None else interval.scaled(self.scale)

    def _estimates(self, found: Evaluation) -> list[dict[str, object]]:
        return [
            {
                "estimator": one.estimator,
                "value": self.scaled(one.value),
                "gain": self.scaled(one.gain),
            }
            for one in found.estimates
        ]


def evaluate_open_bandit(
    folder: Path,
    *,
    campaign: Campaign,
    logged: BanditPolicy,
    policy: BanditPolicy,
    terms: EvaluationTerms | None = None,
) -> PolicyReport:
    """Estimate one published policy's clicks from the other one's log.

    `random` is uniform. Thompson sampling changes all week: `bts` is the share in which its own
    log shows each item at each position, which is its average choice.

    Raises: BadInput, BadData when a log is not there or garbled.
    """
    terms = terms or EvaluationTerms()
    rows = load_open_bandit(folder, policy=logged, campaign=campaign)
    own = load_open_bandit(folder, policy=policy, campaign=campaign)
    evaluation, refusal = _try(_bandit_decisions(rows), _bandit_policy(own), None, terms)
    return PolicyReport(
        log=f"open-bandit/{logged}/{campaign}",
        policy=policy,
        unit=f"clicks per {PER:,} shown slots",
        scale=PER,
        decisions=len(rows.click),
        evaluation=evaluation,
        refusal=refusal,
        on_policy=_on_policy(own, confidence=terms.confidence),
        notes=("members: combinations of four user features, as the data names no member",),
    )


def evaluate_lake(
    queries: QueryEngine,
    window: Window,
    *,
    rate: float,
    kind: FeedbackKind = "play",
    terms: EvaluationTerms | None = None,
) -> PolicyReport:
    """Estimate what another exploration rate would have earned, from our own request log.

    Rate 0 is the greedy policy: what exploration costs. The items below the slate that would be
    drawn are the same; only how often changes.

    Raises: DependencyError, BadData for a garbled row.
    """
    terms = terms or EvaluationTerms()
    lines = read_slim_lines(queries, window)
    events = read_feedback(queries, replace(window, end=window.end + LATENESS))
    policy = "greedy" if rate == 0.0 else f"explore={rate:g}"
    report = PolicyReport(
        log="lake",
        policy=policy,
        unit=f"{kind}s per {PER:,} requests",
        scale=PER,
        decisions=0,
        evaluation=None,
        refusal=None,
        on_policy=None,
        notes=(),
    )
    try:
        logged = read_slot_decisions(lines, _acted(events, kind))
    except CouldNotJudge as refusal:
        return replace(report, refusal=str(refusal))
    explored = count_explored_rewards(logged.decisions)
    if explored < FEWEST_EXPLORED_REWARDS:
        reason = (
            f"could not judge, because only {explored} {kind}s of explored slots are logged "
            f"({FEWEST_EXPLORED_REWARDS} needed): what exploration is worth is not known"
        )
        return replace(report, decisions=len(logged.decisions), refusal=reason)
    table = exploring_policy(logged.slots, rate=rate)
    evaluation, refused = _try(logged.decisions, table, LAKE_RULES, terms)
    return replace(
        report,
        scale=PER * len(logged.decisions) / logged.requests,
        decisions=len(logged.decisions),
        evaluation=evaluation,
        refusal=refused,
        notes=_lake_notes(logged, {line.traffic for line in lines}),
    )


def _try(
    decisions: Decisions,
    policy: Float64Array,
    rules: SupportRules | None,
    terms: EvaluationTerms,
) -> tuple[Evaluation | None, str | None]:
    try:
        if terms.interval == "bernstein":
            return bound_policy(
                decisions,
                policy,
                largest_ratio=_largest_ratio(decisions, policy),
                rules=rules,
                confidence=terms.confidence,
            ), None
        rng = np.random.default_rng(terms.seed)
        return evaluate_policy(
            decisions, policy, rng=rng, rules=rules, confidence=terms.confidence
        ), None
    except CouldNotJudge as refusal:
        return None, str(refusal)


def _largest_ratio(decisions: Decisions, policy: Float64Array) -> float:
    """Return the largest ratio the log could have shown, by its smallest propensity."""
    return float(policy.max() / decisions.propensity.min())


def _bandit_decisions(log: BanditLog) -> Decisions:
    return Decisions(
        context=log.position,
        action=log.item,
        reward=log.click,
        propensity=log.propensity,
        cluster=log.user,
    )


def _bandit_policy(own: BanditLog) -> Float64Array:
    """Return a published policy as shares of items per position, (positions, items)."""
    if own.policy == "random":
        return np.full((POSITIONS, own.item_count), 1.0 / own.item_count)
    counts = np.zeros((POSITIONS, own.item_count))
    np.add.at(counts, (own.position, own.item), 1.0)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=np.float64)


def _on_policy(own: BanditLog, *, confidence: float) -> Interval:
    sizes = np.bincount(own.user).astype(np.float64)
    clicks = np.bincount(own.user, weights=own.click).astype(np.float64)
    return ratio_interval(clicks, sizes, confidence=confidence)


def _acted(events: Iterable[FeedbackEvent], kind: FeedbackKind) -> dict[str, set[str]]:
    acted: dict[str, set[str]] = {}
    for event in events:
        if event.kind == kind and event.request_id:
            acted.setdefault(event.request_id, set()).add(event.item_id)
    return acted


def _lake_notes(logged: SlotDecisions, traffic: set[str]) -> tuple[str, ...]:
    notes = ["a slot's reward depends on its own item only"]
    if logged.left_out:
        notes.append(f"{logged.left_out} requests left out: slates of one slot or none")
    if "re-timed" in traffic:
        notes.append("re-timed traffic: choices were made before and no slate could change them")
    return tuple(notes)


def _method(found: Evaluation) -> dict[str, object]:
    names = ("interval_method", "confidence", "cap", "over_cap")
    return {name: getattr(found, name) for name in names}
