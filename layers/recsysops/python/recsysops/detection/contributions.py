"""Which slices make up a change, how much each of them, and how many it touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from recsysops.detection.catalogue import find_known
from recsysops.vocabulary import Finding

KEPT_SLICES = 10
_WHOLE_ROWS = ("mean_shift", "spread", "requests")
"""Metrics that are no shares: every row of the slice is touched."""


def rank_contributions(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Return the slices in which the first finding's metric alarms, largest part first.

    A slice's part is its change times its share of the window's rows, over the change of the
    whole; when the whole did not alarm, over the sum of the parts. Slices of different dimensions
    overlap, so parts need not add up to one.
    """
    root = findings[0]
    related = [f for f in findings if (f.metric, f.subject) == (root.metric, root.subject)]
    wholes = [f for f in related if _is_whole(f) and f.slice.items() <= root.slice.items()]
    sliced = [
        f
        for f in related
        if not _is_whole(f)
        and "share_of_window" in f.evidence
        and (not _is_whole(root) or f.slice.items() >= root.slice.items())
    ]
    parts = [_change(f) * _number(f, "share_of_window") for f in sliced]
    whole = next((_change(f) for f in wholes), 0.0) or sum(parts) or 1.0
    ranked = sorted(zip(parts, sliced, strict=True), key=lambda pair: -abs(pair[0]))
    return [
        {
            "slice": dict(finding.slice),
            "share": round(part / whole, 4),
            "baseline": finding.baseline,
            "observed": finding.observed,
        }
        for part, finding in ranked[:KEPT_SLICES]
    ]


def estimate_affected(findings: Iterable[Finding]) -> dict[str, object]:
    """Return how many rows the first finding that can tell touches: {unit, estimate, of}.

    Weighted, so of all requests also when a sample was logged; {} when no finding can tell.
    """
    for finding in findings:
        audit = find_known(finding.audit)
        if audit is None or "window_weight" not in finding.evidence:
            continue
        weight = _number(finding, "window_weight")
        touched = 1.0 if finding.metric in _WHOLE_ROWS else min(1.0, abs(_change(finding)))
        return {"unit": audit.unit, "estimate": round(weight * touched), "of": round(weight)}
    return {}


def _is_whole(finding: Finding) -> bool:
    """A category of the subject itself ({"language": "ja"}) names the fault: it is no slice."""
    return set(finding.slice) <= {finding.subject}


def _change(finding: Finding) -> float:
    return finding.observed - finding.baseline


def _number(finding: Finding, name: str) -> float:
    evidence: Mapping[str, object] = finding.evidence
    return float(str(evidence[name]))
