"""POST /v1/consumer-logs: answers once every entry is durable."""

from recsysops.adapters.http_edge import Answer, Event, HttpCall, LambdaContext, answer_call
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.serving import routes
from recsysops.serving.api import parse_body
from recsysops.serving.consumer_api import ConsumerLogRequest, ConsumerLogResponse
from recsysops.workflows.record_consumer_logs import record_consumer_logs

PORTS = process_ports("request")
LOGGER = make_logger("record_consumer_logs")


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    return answer_call(event, context, routes=ROUTES, logger=LOGGER)


def _record(call: HttpCall) -> ConsumerLogResponse:
    return record_consumer_logs(
        parse_body(ConsumerLogRequest, call.body),
        log=PORTS.consumer_log,
        accept_retimed=PORTS.settings.accept_retimed,
        now=PORTS.clock(),
    )


ROUTES = {routes.CONSUMER_LOGS.key: _record}
