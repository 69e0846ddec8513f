"""GET /v1/openapi.json: the document beside this file, which a test keeps true."""

from pathlib import Path

from recsysops.adapters.http_edge import Answer, Event, LambdaContext, answer_call
from recsysops.observability import make_logger
from recsysops.serving import routes

LOGGER = make_logger("describe_api")
DOCUMENT = (Path(__file__).parent / "openapi.json").read_text()
ROUTES = {routes.DESCRIBE.key: lambda _: DOCUMENT}


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    return answer_call(event, context, routes=ROUTES, logger=LOGGER)
