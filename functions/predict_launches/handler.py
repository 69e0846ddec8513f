"""Dry-runs the launches of the coming weeks: {} for now, or {"as_of": ISO moment}."""

from collections.abc import Mapping

from recsysops.adapters.job_events import read_moment
from recsysops.bootstrap import process_ports
from recsysops.errors import CouldNotJudge
from recsysops.observability import make_logger
from recsysops.workflows.predict_launches import predict_launches
from recsysops.workflows.publish_delta import moment_to_publish

PORTS, LOGGER = process_ports(), make_logger("predict_launches")
RETIMED = PORTS.settings.accept_retimed


def handle(event: Mapping[str, object], _: object) -> dict[str, object]:
    """Forecast and flag; too little evidence is an answer, {"refused": reason}."""
    clock = moment_to_publish(PORTS.blobs, now=PORTS.clock(), retimed=RETIMED)
    as_of = read_moment(event, "as_of", default=clock)
    answer: dict[str, object] = {"as_of": as_of.isoformat()}
    try:
        answer |= predict_launches(as_of=as_of, ports=PORTS).summary
    except CouldNotJudge as refusal:
        answer["refused"] = str(refusal)
    LOGGER.info("launches judged", answer=answer)
    return answer
