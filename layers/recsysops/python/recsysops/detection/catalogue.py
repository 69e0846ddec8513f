"""The catalogue of audits: add one by a file in `audits/` and a line here."""

from __future__ import annotations

from typing import Final

from recsysops.detection.audits import (
    choice_rank,
    fallback_share,
    feature_drift,
    flags,
    null_default_share,
    score_drift,
    served_model,
    stale_batch,
    volume,
)
from recsysops.detection.declaration import Audit
from recsysops.errors import BadInput

AUDITS: Final[tuple[Audit, ...]] = (
    flags.AUDIT,
    volume.AUDIT,
    served_model.AUDIT,
    fallback_share.AUDIT,
    stale_batch.AUDIT,
    null_default_share.AUDIT,
    feature_drift.AUDIT,
    score_drift.AUDIT,
    choice_rank.AUDIT,
)
"""Every audit that a run plans."""


def find_audit(name: str) -> Audit:
    """Return an audit by name. Raises: BadInput."""
    for audit in AUDITS:
        if audit.name == name:
            return audit
    raise BadInput(f"no audit {name!r}; there are {[audit.name for audit in AUDITS]}")
