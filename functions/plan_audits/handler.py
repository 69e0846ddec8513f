"""Plans an audit run: {} for the last 24 full hours, or a window, its reference and cadence."""

from collections.abc import Mapping

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.workflows.pin_reference import find_pinned
from recsysops.workflows.plan_audits import plan_audits

PORTS = process_ports()
LOGGER = make_logger("plan_audits")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Return {run_id, window, audits: [{audit, sql, window}]}; the run's start is its clock."""
    now = read_moment(event, "started_at", default=PORTS.clock())
    pinned = find_pinned(PORTS.blobs)
    plan = plan_audits(
        event,
        registry=PORTS.registry,
        now=now,
        baselines=PORTS.baselines,
        pinned=pinned.window if pinned else None,
        progress=PORTS.progress.load(),
    )
    LOGGER.info("audits planned", run_id=plan.context.run_id, audits=len(plan.audits))
    return plan.to_document()
