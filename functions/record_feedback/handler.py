"""POST /v1/feedback: answers once every accepted event is durable."""

from recsysops.adapters.http_edge import Answer, Event, HttpCall, LambdaContext, answer_call
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.serving import routes
from recsysops.serving.api import FeedbackRequest, FeedbackResponse, parse_body
from recsysops.workflows.record_feedback import record_feedback

PORTS = process_ports("request")
LOGGER = make_logger("record_feedback")


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    return answer_call(event, context, routes=ROUTES, logger=LOGGER)


def _record(call: HttpCall) -> FeedbackResponse:
    return record_feedback(
        parse_body(FeedbackRequest, call.body),
        members=PORTS.members,
        recorded=PORTS.recorded_events,
        log=PORTS.feedback_log,
        accept_retimed=PORTS.settings.accept_retimed,
        now=PORTS.clock(),
    )


ROUTES = {routes.FEEDBACK.key: _record}
