"""Answers every route that scores; the log lines of a request leave after its response."""

from recsysops.adapters.http_edge import Answer, Event, LambdaContext, answer_call
from recsysops.bootstrap import process_ports, wire_scorer
from recsysops.bootstrap.scoring_routes import wire_scoring_routes
from recsysops.observability import make_logger

LOGGER, PORTS = make_logger("recommend_items"), process_ports("request")
SCORER = wire_scorer(PORTS)  # while the sandbox starts: the first member need not wait for it
ROUTES = wire_scoring_routes(PORTS, SCORER, logger=LOGGER)


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    answer = answer_call(event, context, routes=ROUTES, logger=LOGGER)
    SCORER.after.request_done()
    return answer
