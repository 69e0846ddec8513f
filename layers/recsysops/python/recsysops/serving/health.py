"""The body of GET /health."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

CheckStatus = Literal["ok", "failed"]


class HealthReport(BaseModel):
    """What GET /health answers: names and outcomes only, as anybody may ask."""

    model_config = ConfigDict(frozen=True)
    status: CheckStatus
    checks: dict[str, CheckStatus]

    @property
    def is_well(self) -> bool:
        """Every check was ok."""
        return self.status == "ok"
