"""Publishes a snapshot of all items: when some changed, on schedule, or as of a given moment."""

from collections.abc import Mapping

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.workflows.approved_models import approved_models, pinnable_models
from recsysops.workflows.publish_delta import moment_to_publish, publish_delta

PORTS, LOGGER = process_ports(), make_logger("publish_delta")
RETIMED = PORTS.settings.accept_retimed


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Take {} (a schedule), a batch of the items table's stream, or {"as_of": ISO moment}."""
    clock = moment_to_publish(PORTS.blobs, now=PORTS.clock(), retimed=RETIMED)
    as_of, delta_id = read_moment(event, "as_of", default=clock), None
    # the first items arrive before the first model: an error then would block the stream
    if (pointer := approved_models(PORTS.registry)) is not None:
        delta_id = publish_delta(
            items=PORTS.items,
            blobs=PORTS.blobs,
            lake=PORTS.lake,
            queries=PORTS.queries,
            pointer=pointer,
            as_of=as_of,
            pinnable=pinnable_models(PORTS.registry),
        )
    LOGGER.info("items published", delta_id=delta_id)
    return {"delta_id": delta_id, "as_of": as_of.isoformat()}
