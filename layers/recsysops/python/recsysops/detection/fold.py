"""Folds the findings of one run into causes: one incident per cause, symptoms under their root.

Causes are looked for from the root outwards: a refused flag document, lost traffic, a model that
nobody approved, fallbacks, stale batches, item features, a block of the model, scores, and last
the ranks of what members chose. A finding that an earlier cause explains joins it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recsysops.detection.catalogue import find_audit
from recsysops.detection.checks import BLIND
from recsysops.detection.declaration import Severity
from recsysops.model.encoder import BLOCK_OF_FEATURE
from recsysops.vocabulary import Component, Finding

_ROOT_ORDER: Mapping[str, int] = {
    "flags": 0,
    "volume": 1,
    "served_model": 2,
    "fallback_share": 3,
    "stale_batch": 4,
    "null_default_share": 5,
    "feature_drift": 5,
    "score_drift": 6,
    "choice_rank": 7,
}
_LAST = 10
_LOST_BLOCK = "zero_contribution_share"
_TELLING: Mapping[str, int] = {"category_vanished": 0, "category_unseen": 1}
"""Metrics that name the fault itself rather than how far something moved."""
_VOLATILE = ("price", "in_stock")
"""What a supplier's batch renews every night, and an old batch therefore sets back."""
_SEVERITIES: tuple[Severity, ...] = ("critical", "high", "low")


@dataclass(slots=True)
class FoundCause:
    """Findings with one cause; the first one names it."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def root(self) -> Finding:
        """The finding that names the cause."""
        return self.findings[0]

    @property
    def component(self) -> Component:
        """What is broken."""
        return self.root.component

    @property
    def subject(self) -> str:
        """Which feature, block, model, surface or audit of it."""
        return self.root.subject

    @property
    def severity(self) -> Severity:
        """The worst severity among the audits that found it; blindness alone is low."""
        found = [_severity(finding) for finding in self.findings]
        return min(found, key=_SEVERITIES.index)


def fold_findings(findings: Sequence[Finding]) -> list[FoundCause]:
    """Return causes, roots first, each with its findings in the order of their weight."""
    causes: list[FoundCause] = []
    for finding in sorted(findings, key=_weight):
        home = next((cause for cause in causes if explains(cause.root, finding)), None)
        if home is None:
            home = FoundCause()
            causes.append(home)
        home.findings.append(finding)
    return causes


def explains(root: Finding, finding: Finding) -> bool:
    """Tell whether the root's fault alone would make the finding."""
    if (root.component, root.subject) == (finding.component, finding.subject):
        return True
    if finding.metric in BLIND or root.metric in BLIND:
        return _blinds(root, finding)
    if _is_downstream(finding):
        return True
    if root.audit == "served_model":
        return finding.audit in ("fallback_share", "score_drift")
    if root.audit == "stale_batch":
        return _is_old_price(root, finding)
    return root.component == "item_features" and _feeds_block(root, finding)


def _blinds(root: Finding, finding: Finding) -> bool:
    """Without requests nothing can be judged; one broken service fails every audit alike.
    Blindness itself explains nothing that was seen."""
    if finding.metric not in BLIND:
        return False
    if root.audit == "volume":
        return root.observed < root.baseline
    same_reason = root.evidence.get("reason") == finding.evidence.get("reason")
    starved = root.audit == "rank_choices" and finding.audit == "choice_rank"
    return root.metric in BLIND and (same_reason or starved)


def _is_downstream(finding: Finding) -> bool:
    """Scores and choices move whenever anything before them does; a lost block does not."""
    if finding.audit == "score_drift":
        return finding.metric != _LOST_BLOCK
    return finding.audit == "choice_rank"


def _is_old_price(root: Finding, finding: Finding) -> bool:
    same_source = finding.slice.get("source", "") in ("", root.slice.get("source", ""))
    drifted = finding.audit == "feature_drift" and finding.subject in _VOLATILE
    return drifted and (same_source or "source" not in root.slice)


def _feeds_block(root: Finding, finding: Finding) -> bool:
    return finding.audit == "score_drift" and finding.subject == BLOCK_OF_FEATURE.get(root.subject)


def _weight(finding: Finding) -> tuple[int, bool, bool, int, float]:
    """Sort key: blindness last, roots first, lost blocks before shifts, wholes before slices,
    telling metrics before others, then by how far the effect is above its floor."""
    place = _ROOT_ORDER.get(finding.audit, -1)
    if finding.metric in BLIND:
        place += _LAST
    # a category of the subject itself ({"language": "ja"}) names the fault; it is no slice of it
    sliced = any(dimension != finding.subject for dimension in finding.slice)
    excess = finding.effect / finding.effect_floor if finding.effect_floor > 0 else finding.effect
    return (
        place,
        finding.metric != _LOST_BLOCK,
        sliced,
        _TELLING.get(finding.metric, len(_TELLING)),
        -excess,
    )


def _severity(finding: Finding) -> Severity:
    if finding.metric in BLIND:
        return "low"
    return find_audit(finding.audit).severity
