"""Compares what was named with the truth; only the demo and the checks may."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from recsysops.diagnosis.slices import jaccard_index
from recsysops.simulation.faults import FaultTruth
from recsysops.vocabulary import Incident, ItemFeatures

SMALLEST_JACCARD = 0.8
SMALLEST_FLAG_PRECISION = 0.5


def is_named_exactly(truth: FaultTruth, diagnosis: Mapping[str, object]) -> bool:
    """Tell whether a diagnosis names what was broken; anything generic counts as wrong.

    Verdict, component and feature must be the same, the model too where one was wrong, and the
    items must overlap by a Jaccard index of SMALLEST_JACCARD (no items where there are none).
    """
    if truth.name == "none":
        return False
    items = diagnosis["item_ids"]
    named = list(map(str, items)) if isinstance(items, list | tuple) else []
    return (
        diagnosis["verdict"] == truth.verdict
        and diagnosis["component"] == truth.component
        and diagnosis["feature"] == truth.feature
        and truth.model_id in ("", diagnosis["model_id"])
        and jaccard_index(truth.item_ids, named) >= SMALLEST_JACCARD
    )


def flags_point_at_damage(
    flagged: Collection[str],
    *,
    mishaps: Mapping[str, ItemFeatures],
    fault: FaultTruth | None,
) -> bool:
    """Tell whether launches were flagged, and at least half of the flags hit damaged items.

    Damaged are the mishaps, and what the injected fault broke and left wrong upstream.
    """
    damaged = {*mishaps, *(fault.item_ids if fault is not None else ())}
    right = len(damaged.intersection(flagged))
    return right > 0 and right >= SMALLEST_FLAG_PRECISION * len(set(flagged))


def first_incident(incidents: Sequence[Incident]) -> Incident:
    """Return the incident a person on call would open: the most severe, then the first found."""
    order = {"critical": 0, "high": 1, "low": 2}
    return min(incidents, key=lambda one: (order[one.severity], one.detected_at, one.incident_id))
