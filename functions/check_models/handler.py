"""Profiles the models that served and repeats a sample, for the window the audit judges."""

from collections.abc import Mapping

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.detection.context import plan_context
from recsysops.observability import make_logger
from recsysops.workflows.check_models import check_models

PORTS = process_ports()
LOGGER = make_logger("check_models")


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Check the models of the window that the audit with the same input judges, unless an hour."""
    now = read_moment(event, "started_at", default=PORTS.clock())
    context = plan_context(event, now=now)
    if context.every == "hour":
        return {"profiled": []}
    checked = check_models(
        context.window, reference=context.reference,
        queries=PORTS.queries, cache=PORTS.catalogues, lake=PORTS.lake, registry=PORTS.registry,
    )  # fmt: skip
    LOGGER.info("models checked", checked=checked.to_document())
    return checked.to_document()
