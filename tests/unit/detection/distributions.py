"""Rows as Athena returns them, made by hand, so that judges can be asked without a lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.detection.checks import Check, CheckDocument, Judgement
from recsysops.detection.context import AuditContext, make_context
from recsysops.vocabulary import HASH_GROUPS, Window

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, tzinfo=UTC)


def context(**changes: object) -> AuditContext:
    made = make_context(
        window=Window(START, START + DAY),
        reference=Window(START - DAY, START),
        approved_models=("m-good",),
    )
    return made.model_copy(update=changes)


def rows(
    counts: Mapping[str, tuple[float, float]],
    *,
    subject: str,
    slice_name: str = "all",
    values: Mapping[str, tuple[float, float]] | None = None,
) -> list[dict[str, object]]:
    """Counts per cell as (reference, window), spread evenly over the hash groups; `values` is
    the mean of x per cell."""
    return [
        packed_row(
            period,
            subject,
            cell,
            weights=[pair[place] / HASH_GROUPS] * HASH_GROUPS,
            value=(values or {}).get(cell, (0.0, 0.0))[place],
            slice_name=slice_name,
        )
        for cell, pair in counts.items()
        for place, period in enumerate(("reference", "window"))
        if pair[place] > 0
    ]


def packed_row(
    period: str,
    subject: str,
    cell: str,
    *,
    weights: Sequence[float],
    value: float = 0.0,
    slice_name: str = "all",
) -> dict[str, object]:
    """One aggregate of rows of weight 1 whose x is `value`."""
    total = sum(weights)
    packed = " ".join(f"{g}:{w}:{w * value}" for g, w in enumerate(weights) if w)
    return {
        "period": period,
        "slice": slice_name,
        "label": f"{subject}={cell}",
        "n": round(total),
        "ww": total,
        "wxx": total * value * value,
        "groups": packed,
    }


def check(p_value: float, *, subject: str = "year", nested: bool = False) -> CheckDocument:
    return CheckDocument(
        metric="null_share",
        subject=subject,
        slice={},
        baseline=0.0,
        observed=0.1,
        effect=0.1,
        effect_floor=0.02,
        p_value=p_value,
        nested=nested,
    )


def judgement(*checks: CheckDocument, wholes: int = 1, slices: int = 0) -> Judgement:
    return Judgement(
        audit="null_default_share",
        status="judged",
        tested_wholes=wholes,
        tested_slices=slices,
        findings=checks,
    )


def judged(
    audit: str, answer: Sequence[Mapping[str, object]], asked: AuditContext | None = None
) -> list[Check]:
    """What an audit of the catalogue makes of these rows."""
    return find_audit(audit).judge(read_distributions(answer), asked or context())


def alarms(
    audit: str, answer: Sequence[Mapping[str, object]], asked: AuditContext | None = None
) -> list[Check]:
    """Checks above their floor that are significant beyond doubt."""
    checks = judged(audit, answer, asked)
    return [c for c in checks if c.effect >= c.effect_floor and c.p_value < 1e-4]
