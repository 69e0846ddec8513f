"""What a judge found about one metric: the change, how sure it is, and the floor it must pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

JudgementStatus = Literal["judged", "no_reference", "could_not_judge", "audit_failed", "audit_late"]
"""no_reference: nothing to compare with yet, told in the report. The last three are findings: we
are blind there, and somebody must act."""
BLIND: tuple[JudgementStatus, ...] = ("could_not_judge", "audit_failed", "audit_late")


@dataclass(frozen=True, slots=True)
class Check:
    """One test of one metric in one slice.

    effect and effect_floor are in the same unit; a change for the better has an effect below
    the floor (or negative). nested: a slice of something that is tested as a whole as well.
    evidence must be JSON-ready.
    """

    metric: str
    subject: str
    slice: Mapping[str, str]
    baseline: float
    observed: float
    effect: float
    effect_floor: float
    p_value: float
    nested: bool = False
    evidence: Mapping[str, object] = field(default_factory=dict)


class CheckDocument(BaseModel):
    """A check on its way between the steps of the workflow."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    metric: str
    subject: str
    slice: dict[str, str]
    baseline: float
    observed: float
    effect: float
    effect_floor: float
    p_value: float
    nested: bool
    evidence: dict[str, object] = {}


class Judgement(BaseModel):
    """What one audit says about one window: JSON between the steps of the workflow.

    Only checks above their effect floor travel; the others can raise no alarm and are counted
    in tested_wholes and tested_slices, because false discoveries are controlled over all tests.
    error and cause: what the state machine caught when the audit itself failed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    audit: str
    status: JudgementStatus
    reason: str = ""
    error: str = ""
    cause: str = ""
    tested_wholes: int = 0
    tested_slices: int = 0
    findings: tuple[CheckDocument, ...] = ()
    query_id: str = ""
    sql: str = ""

    def explain(self) -> str:
        """Return why there is no judgement, in one line."""
        told = self.reason or f"{self.error}: {self.cause}".strip(": ")
        return told[:500] or "no reason was given"
