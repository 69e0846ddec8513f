"""Turns a run's judgements into incidents: {run_id, window, judgements} of the audit workflow."""

from collections.abc import Mapping

from recsysops.adapters.job_events import RecordTask, read_task, unpack_document
from recsysops.bootstrap import process_ports
from recsysops.detection.checks import Judgement
from recsysops.detection.context import plan_context
from recsysops.observability import make_logger
from recsysops.workflows.record_incidents import record_incidents

PORTS = process_ports()
LOGGER = make_logger("record_incidents")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Return the run's report: what was opened, continued, cleared, and what was not judged."""
    task, now = read_task(RecordTask, event), PORTS.clock()
    # a run whose plan failed has only its input for a window
    context = plan_context({"run_id": task.run_id, **task.window}, now=now)
    judgements = [read_task(Judgement, unpack_document(one)) for one in task.judgements]
    late = PORTS.progress.find_late(judgements, context)
    report = record_incidents(
        [*judgements, *late],
        context=context,
        incidents=PORTS.incidents,
        notifier=PORTS.notifier,
        machines=PORTS.incident_bus,
        now=now,
    )
    # last: a window whose findings were not recorded stays due
    PORTS.progress.note(judgements, context)
    LOGGER.info("incidents recorded", opened=len(report.opened), tested=report.tested)
    return report.to_document()
