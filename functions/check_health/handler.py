"""GET /health: says whether members, snapshot and flags can be read; 503 when one cannot."""

from recsysops.adapters.http_edge import Answer, Event, HttpCall, LambdaContext, answer_call
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.workflows.check_health import HealthReport, check_health
from recsysops.workflows.load_catalogue import read_delta_pointer

PORTS = process_ports("request")
LOGGER = make_logger("check_health")
CHECKS = {
    "members": lambda: PORTS.members.get("health-probe"),
    "delta": lambda: read_delta_pointer(PORTS.blobs),
    "flags": lambda: PORTS.flags.require_fresh(),  # noqa: PLW0108 - made when asked
}


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    route, status_of = "GET /health", lambda report: 200 if report.is_well else 503
    return answer_call(
        event, context, route=route, serve=_check, logger=LOGGER, status_of=status_of
    )


def _check(_: HttpCall) -> HealthReport:
    return check_health(
        CHECKS, tell=lambda name, why: LOGGER.error("check failed", check=name, reason=why)
    )
