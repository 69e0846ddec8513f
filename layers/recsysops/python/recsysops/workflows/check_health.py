"""Says whether the things a scorer needs are there, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from recsysops.errors import RecSysOpsError

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


def check_health(
    checks: Mapping[str, Callable[[], object]],
    *,
    tell: Callable[[str, str], None],
) -> HealthReport:
    """Run every check; one that raises has failed, and `tell` gets its name and the reason."""
    outcomes = {name: _run_check(name, check, tell) for name, check in checks.items()}
    is_well = all(outcome == "ok" for outcome in outcomes.values())
    return HealthReport(status="ok" if is_well else "failed", checks=outcomes)


def _run_check(
    name: str, check: Callable[[], object], tell: Callable[[str, str], None]
) -> CheckStatus:
    try:
        check()
    except RecSysOpsError as error:
        tell(name, str(error))
        return "failed"
    return "ok"
