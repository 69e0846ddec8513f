"""Folds the findings of one run into causes: one incident per cause, symptoms under their root.

Causes are looked for from the root outwards, by the depth that each audit declares: a refused flag
document, lost traffic, a model that nobody approved, …, and last the ranks of what members chose.
A finding joins the first cause that explains it, by the rules that its audit declares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from recsysops.detection.catalogue import find_audit, find_known
from recsysops.detection.checks import BLIND
from recsysops.detection.declaration import DEEPEST, Severity
from recsysops.detection.roots import ANYTHING
from recsysops.vocabulary import Component, Finding

_UNKNOWN_DEPTH = -1
"""A step of the run itself that failed starves every audit."""
_TRAFFIC = ("volume", "day_volume")
_NO_NUMBERS = "broken_score_share"
"""NaN among the scores leaves no sum of them to judge."""
_FED_BY = {
    "rank_choices": ("choice_rank", "launch_rank"),
    "check_models": ("model_profile", "training_serving_skew"),
}
"""Steps of the run and the audits of the tables that they write."""
_LAST = DEEPEST + 1
_NOT_TELLING = 99
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "low")


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
        return min(found, key=SEVERITIES.index)


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


def explains(root: Finding, finding: Finding, *, by_name: bool = False) -> bool:
    """Tell whether the root's fault alone would make the finding.

    by_name: leave out rules that hold of anything.
    """
    if (root.component, root.subject) == (finding.component, finding.subject):
        return True
    if finding.metric in BLIND or root.metric in BLIND:
        return _blinds(root, finding)
    audit = find_known(finding.audit)
    return audit is not None and any(
        rule.explains(root, finding)
        for rule in audit.explained_by
        if not (by_name and rule.by == ANYTHING)
    )


def _blinds(root: Finding, finding: Finding) -> bool:
    """Without requests nothing can be judged; one broken service fails every audit alike.
    Blindness itself explains nothing that was seen."""
    if finding.metric not in BLIND:
        return False
    if root.audit in _TRAFFIC and root.metric not in BLIND:
        return root.observed < root.baseline
    if root.metric == _NO_NUMBERS:
        return finding.audit == "score_drift"
    same_reason = root.evidence.get("reason") == finding.evidence.get("reason")
    starved = finding.audit in _FED_BY.get(root.audit, ())
    return root.metric in BLIND and (same_reason or starved)


def _weight(finding: Finding) -> tuple[int, bool, int, float]:
    """Sort key: blindness last, roots first, wholes before slices, telling metrics before others,
    then by how far the effect is above its floor."""
    audit = find_known(finding.audit)
    place = audit.depth if audit else _UNKNOWN_DEPTH
    if finding.metric in BLIND:
        place += _LAST
    # a category of the subject itself ({"language": "ja"}) names the fault; it is no slice of it
    sliced = any(dimension != finding.subject for dimension in finding.slice)
    excess = finding.effect / finding.effect_floor if finding.effect_floor > 0 else finding.effect
    telling = audit.telling if audit else ()
    place_told = telling.index(finding.metric) if finding.metric in telling else _NOT_TELLING
    return (place, sliced, place_told, -excess)


def _severity(finding: Finding) -> Severity:
    if finding.metric in BLIND:
        return "low"
    return find_audit(finding.audit).severity
