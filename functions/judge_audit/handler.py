"""Judges one audit's answer: {window, audit, query_execution_id} of the audit workflow."""

from collections.abc import Mapping
from functools import partial

from recsysops.adapters.job_events import JudgeTask, pack_document, read_task
from recsysops.bootstrap import process_ports
from recsysops.detection.catalogue import find_audit
from recsysops.detection.context import read_context
from recsysops.observability import make_logger
from recsysops.workflows.judge_audit import judge_audit

PORTS = process_ports()
LOGGER = make_logger("judge_audit")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Return a judgement; what is not above its effect floor stays out of it."""
    task = read_task(JudgeTask, event)
    context = read_context(task.window)
    judgement = judge_audit(
        find_audit(task.audit),
        context=context,
        fetch_rows=partial(PORTS.queries.results, task.query_execution_id),
        query_id=task.query_execution_id,
        baselines=PORTS.baselines if context.pinned else None,
    )
    LOGGER.info("audit judged", audit=task.audit, status=judgement.status)
    return pack_document(judgement.model_dump(mode="json"), readable=("audit", "status", "reason"))
