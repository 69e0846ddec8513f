"""From evidence to a verdict: input or model, which one exactly, or why it could not be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from recsysops.diagnosis.slices import SliceMatch
from recsysops.diagnosis.suspects import Suspicion
from recsysops.diagnosis.two_by_two import TwoByTwo
from recsysops.vocabulary import Component, Verdict


@dataclass(frozen=True, slots=True)
class ServedModels:
    """Which model answered the newest requests of the window and of the reference, which should.

    `pinned_by_hotfix`: the window's model answered because a hotfix said so, not by mistake.
    """

    now: str
    before: str
    approved: str | None
    pinned_by_hotfix: bool


@dataclass(frozen=True, slots=True)
class ReplayCheck:
    """How many logged requests were repeated, and how many bit for bit."""

    records: int
    bit_equal: int
    refused: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an incident comes from, named: component, feature or model, items; with evidence.

    `feature` is a raw item feature, 'batch' (stale supplier data), a block of the model or ''.
    """

    incident_id: str
    verdict: Verdict
    component: Component
    feature: str
    model_id: str
    source: str
    item_ids: tuple[str, ...]
    summary: str
    replay: ReplayCheck
    two_by_two: TwoByTwo | None
    slices: tuple[SliceMatch, ...]
    suspicions: tuple[Suspicion, ...]
    evidence: Mapping[str, object] = field(default_factory=dict)

    def to_document(self) -> dict[str, object]:
        """Return the diagnosis as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Cause:
    """The named cause inside a diagnosis."""

    verdict: Verdict
    component: Component
    feature: str
    model_id: str
    item_ids: tuple[str, ...]
    summary: str


def decide_cause(
    *,
    subject: str,
    models: ServedModels,
    suspicions: Sequence[Suspicion],
    collapsed: Sequence[str],
    square: TwoByTwo | None,
) -> Cause:
    """Decide in the order of what can be checked most surely.

    1. A model serves that the registry did not approve and no hotfix pinned: that model.
    2. Items carry values that their history and their peers contradict: that input; the
       suspicion on the incident's own subject is preferred to a larger one.
    3. Another model than in the reference serves, and a block of it ranks nothing: that block.
    4. Another model serves, by no hotfix, and moves scores more than the inputs do: that model.
    5. Otherwise nothing is named.
    """
    if models.approved and models.now != models.approved and not models.pinned_by_hotfix:
        return _wrong_model(models)
    if suspicions:
        return _bad_input(_preferred(suspicions, subject=subject))
    if models.now != models.before and collapsed:
        return _collapsed_block(models, collapsed[0])
    changed = models.now != models.before and not models.pinned_by_hotfix
    if changed and square and square.model_effect > square.input_effect:
        return _moved_scores(models, square)
    return _nothing_odd(models)


def _preferred(suspicions: Sequence[Suspicion], *, subject: str) -> Suspicion:
    own = [suspicion for suspicion in suspicions if suspicion.feature == subject]
    return own[0] if own else suspicions[0]


def _nothing_odd(models: ServedModels) -> Cause:
    about_model = f"model {models.now} served the reference too"
    if models.now != models.before:
        about_model = f"nothing speaks against model {models.now}"
    if models.pinned_by_hotfix:
        about_model = f"a hotfix pinned model {models.now}"
    return Cause(
        verdict="could_not_judge",
        component="serving",
        feature="",
        model_id=models.now,
        item_ids=(),
        summary=f"could not judge, because inputs agree with history and peers, and {about_model}",
    )


def _blame_model(models: ServedModels, summary: str, *, feature: str = "model_id") -> Cause:
    return Cause(
        verdict="model",
        component="model",
        feature=feature,
        model_id=models.now,
        item_ids=(),
        summary=summary,
    )


def _wrong_model(models: ServedModels) -> Cause:
    return _blame_model(
        models, f"model {models.now} serves; the registry approved {models.approved}"
    )


def _bad_input(suspicion: Suspicion) -> Cause:
    return Cause(
        verdict="input",
        component="item_features",
        feature=suspicion.feature,
        model_id="",
        item_ids=suspicion.item_ids,
        summary=f"{suspicion.feature} of {len(suspicion.item_ids)} items contradicts their "
        "history and their peers",
    )


def _collapsed_block(models: ServedModels, block: str) -> Cause:
    said = f"block '{block}' of model {models.now} ranks nothing; {models.before}'s did"
    return _blame_model(models, said, feature=block)


def _moved_scores(models: ServedModels, square: TwoByTwo) -> Cause:
    return _blame_model(
        models,
        f"model {models.now} moves scores by {square.model_effect:.3g} on unchanged "
        f"inputs; inputs alone by {square.input_effect:.3g}",
    )
