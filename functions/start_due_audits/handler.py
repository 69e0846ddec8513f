"""Starts the audit of every window that has become due: {} of the schedule, hourly."""

from collections.abc import Mapping
from functools import partial

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.workflows.start_due_audits import start_due_audits

PORTS = process_ports()
LOGGER = make_logger("start_due_audits")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Return the watermark and the names of the runs that were started now."""
    started = start_due_audits(
        queries=PORTS.queries,
        progress=PORTS.progress,
        start=partial(PORTS.runs.start_once, PORTS.settings.audit_state_machine_arn),
        now=read_moment(event, "now", default=PORTS.clock()),
    )
    LOGGER.info("due audits started", started=len(started.started))
    return started.to_document()
