"""GET /health: says whether what serving needs can be reached; 503 when one cannot."""

from recsysops.adapters.http_edge import Answer, Event, LambdaContext, answer_call
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.serving import routes
from recsysops.workflows.check_health import check_health, require_model, status_of
from recsysops.workflows.load_catalogue import read_delta_pointer

PORTS = process_ports("request")
LOGGER = make_logger("check_health")
CHECKS = {
    "members": lambda: PORTS.members.get("health-probe"),
    "delta": lambda: read_delta_pointer(PORTS.blobs),
    "model": lambda: require_model(PORTS.blobs),
    "feedback_log": lambda: PORTS.feedback_log.require_active(),  # noqa: PLW0108 - made when asked
    "flags": lambda: PORTS.flags.require_fresh(),  # noqa: PLW0108 - made when asked
}
ROUTES = {routes.HEALTH.key: lambda _: check_health(CHECKS, tell=_tell)}


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    return answer_call(event, context, routes=ROUTES, logger=LOGGER, status_of=status_of)


def _tell(name: str, why: str) -> None:
    LOGGER.error("check failed", check=name, reason=why)
