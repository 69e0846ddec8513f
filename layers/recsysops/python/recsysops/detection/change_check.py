"""One change of one distribution as a check, with the floor that the audit publishes for it."""

from __future__ import annotations

from collections.abc import Mapping

from recsysops.detection.cells import Distribution
from recsysops.detection.checks import Check
from recsysops.detection.compare import Change


def check_change(
    found: Distribution,
    change: Change,
    *,
    metric: str,
    floors: Mapping[str, float],
    effect: float | None = None,
    subject: str = "",
    place: Mapping[str, str] | None = None,
    evidence: Mapping[str, object] | None = None,
) -> Check:
    """Return the check of a change in the distribution's slice.

    effect: in the unit of the floor, the increase by default; subject: what the change speaks of,
    the distribution's own by default; place: what is told of its slice besides.
    """
    return Check(
        metric=metric,
        subject=subject or found.subject,
        slice={**found.slice, **place} if place else found.slice,
        baseline=change.baseline,
        observed=change.observed,
        effect=change.increase if effect is None else effect,
        effect_floor=floor_of(metric, sliced=bool(found.slice), floors=floors),
        p_value=change.p_value,
        nested=bool(found.slice),
        evidence=evidence or {},
    )


def floor_of(metric: str, *, sliced: bool, floors: Mapping[str, float]) -> float:
    """Return a metric's floor; slices have their own where 'metric.slice' is published.

    >>> floor_of("lost_share", sliced=True, floors={"lost_share": 0.02, "lost_share.slice": 0.05})
    0.05
    """
    return floors.get(f"{metric}.slice", floors[metric]) if sliced else floors[metric]
