"""Compares a model with the one that serves before it may: what the audit of profiles would say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import PERIODS
from recsysops.detection.context import make_context
from recsysops.detection.decide import decide_findings
from recsysops.detection.fold import FoundCause
from recsysops.detection.incidents import describe_cause
from recsysops.detection.judge import judge_rows
from recsysops.model.artefact import ModelArtefact
from recsysops.model.profile import ProfileSums, profile_model
from recsysops.ports import Row
from recsysops.vocabulary import ItemFeatures, Window

_DAY: Final = timedelta(days=1)
_AT: Final = datetime(2024, 1, 3, tzinfo=UTC)
"""Artefacts have no window; the judge wants one, and says the same whichever it is."""


def compare_artefacts(
    candidate: ModelArtefact, serving: ModelArtefact, features: Mapping[str, ItemFeatures]
) -> tuple[str, ...]:
    """Return a sentence for every way in which a candidate differs from what serves.

    Judged as the audit model_profile would if every request had been answered by `serving`; a
    model of another kind (imported, say) may differ and be right.
    """
    context = make_context(
        window=Window(_AT - _DAY, _AT),
        reference=Window(_AT - 2 * _DAY, _AT - _DAY),
        approved_models=(serving.model_id, candidate.model_id),
    )
    before, new = profile_model(serving, features), profile_model(candidate, features)
    rows = [
        *(_row(period, "profile=known", [(0, 1.0, 0.0)]) for period in PERIODS),
        *(row for period in PERIODS for row in _rows(period, "", before)),
        *_rows("window", f"candidate {candidate.model_id}/", new),
    ]
    judgement = judge_rows(find_audit("model_profile"), rows, context=context)
    findings = decide_findings([judgement], context).findings
    return tuple(describe_cause(FoundCause([finding])) for finding in findings)


def _rows(period: str, part: str, profile: Iterable[ProfileSums]) -> Iterator[Row]:
    """Yield the audit's answer of one model: items that are zero, and the others."""
    cells: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    for sums in profile:
        filled = sums.items - sums.zeros
        for cell, weight, total in (("zero", sums.zeros, 0.0), ("filled", filled, sums.total)):
            if weight:
                label = f"{part}{sums.subject}={cell}"
                packed = (sums.item_group, float(weight), total)
                cells.setdefault((sums.segment, label), []).append(packed)
    for (segment, label), groups in cells.items():
        yield _row(period, label, groups, segment=segment)


def _row(
    period: str, label: str, groups: Iterable[tuple[int, float, float]], *, segment: str = "all"
) -> Row:
    packed = list(groups)
    return {
        "period": period,
        "slice": segment,
        "label": label,
        "n": len(packed),
        "ww": sum(weight * weight for _, weight, _ in packed),
        "wxx": sum(total * total / weight for _, weight, total in packed),
        "groups": " ".join(f"{group}:{weight}:{total}" for group, weight, total in packed),
    }
