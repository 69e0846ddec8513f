"""Says whether the things a scorer needs are there, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from recsysops.errors import ArtefactError, RecSysOpsError
from recsysops.model.artefact import artefact_key
from recsysops.ports import BlobStore
from recsysops.serving.health import CheckStatus, HealthReport
from recsysops.workflows.load_catalogue import read_delta_pointer


def check_health(
    checks: Mapping[str, Callable[[], object]],
    *,
    tell: Callable[[str, str], None],
) -> HealthReport:
    """Run every check; one that raises has failed, and `tell` gets its name and the reason."""
    outcomes = {name: _run_check(name, check, tell) for name, check in checks.items()}
    is_well = all(outcome == "ok" for outcome in outcomes.values())
    return HealthReport(status="ok" if is_well else "failed", checks=outcomes)


def require_model(blobs: BlobStore) -> None:
    """Check that the model of the served snapshot is there. Raises: ArtefactError, DependencyError.

    Asks for the key alone: whoever checks health may not read models.
    """
    model_id = read_delta_pointer(blobs).model_id
    key = artefact_key(model_id, "manifest.json")
    if key not in blobs.list_keys(key):
        raise ArtefactError(f"{key} is missing")


def status_of(report: object) -> int:
    """Return the HTTP status of a report: 503 unless all is well."""
    return 200 if isinstance(report, HealthReport) and report.is_well else 503


def _run_check(
    name: str, check: Callable[[], object], tell: Callable[[str, str], None]
) -> CheckStatus:
    try:
        check()
    except RecSysOpsError as error:
        tell(name, str(error))
        return "failed"
    return "ok"
