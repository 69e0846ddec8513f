"""Publishes a snapshot of all items: when some changed, on schedule, or as of a given moment."""

from collections.abc import Mapping

from recsysops.adapters.job_events import read_moment
from recsysops.adapters.publishing_metrics import tell_published
from recsysops.bootstrap import process_ports
from recsysops.model.feedback_weights import parse_feedback_weights
from recsysops.observability import make_logger, make_metrics
from recsysops.workflows.approved_models import approved_models, pinnable_models
from recsysops.workflows.publish_delta import moment_to_publish, publish_delta

PORTS, LOGGER = process_ports(), make_logger("publish_delta")
WEIGHTS = parse_feedback_weights(PORTS.settings.feedback_weights)
METRICS, RETIMED = make_metrics("publish_delta"), PORTS.settings.accept_retimed


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Take {} (a schedule), a batch of the items table's stream, or {"as_of": ISO moment}."""
    clock = moment_to_publish(PORTS.blobs, now=PORTS.clock(), retimed=RETIMED)
    as_of, delta_id = read_moment(event, "as_of", default=clock), None
    rejected: dict[str, str] = {}
    # the first items arrive before the first model: an error then would block the stream
    if (pointer := approved_models(PORTS.registry)) is not None:
        pinnable = pinnable_models(PORTS.registry)
        delta_id = publish_delta(
            items=PORTS.items, blobs=PORTS.blobs, lake=PORTS.lake, queries=PORTS.queries,
            pointer=pointer, as_of=as_of, pinnable=pinnable, reject=rejected.__setitem__,
            weights=WEIGHTS,
        )  # fmt: skip
    tell_published(METRICS, LOGGER, delta_id=delta_id, rejected=rejected)
    return {"delta_id": delta_id, "as_of": as_of.isoformat()}
