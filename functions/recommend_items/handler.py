"""Answers every route that scores; the log lines of a request leave after its response."""

from recsysops.adapters.http_edge import Answer, Event, HttpCall, LambdaContext, answer_call
from recsysops.adapters.serving_metrics import tell_served
from recsysops.bootstrap import process_ports, wire_scorer
from recsysops.observability import make_logger, make_metrics
from recsysops.serving import api, home_api, routes, similar_api
from recsysops.workflows.find_similar_items import similar_to, similar_to_item
from recsysops.workflows.recommend_items import recommend_items
from recsysops.workflows.serve_home import serve_home

PORTS = process_ports("request")
SCORER = wire_scorer(PORTS)  # while the sandbox starts: the first member need not wait for it
LOGGER, METRICS = make_logger("recommend_items"), make_metrics("recommend_items")


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    answer = answer_call(event, context, routes=ROUTES, logger=LOGGER)
    SCORER.after.request_done()
    return answer


def _recommend(call: HttpCall) -> api.RecommendationResponse:
    request = api.parse_body(api.RecommendationRequest, call.body)
    api.refuse_retimed(request, accept_retimed=PORTS.settings.accept_retimed)
    now, given = PORTS.clock(), SCORER.ports
    response = recommend_items(request, request_id=call.request_id, ports=given, now=now)
    tell_served(METRICS, LOGGER, answer=response, latency_ms=call.elapsed_ms, scorer=SCORER)
    return response


def _show_home(call: HttpCall) -> home_api.HomeResponse:
    asked = api.parse_parameters(home_api.HomeParameters, call.parameters)
    now, given, indexes = PORTS.clock(), SCORER.ports, SCORER.similar.indexes
    page = serve_home(asked, request_id=call.request_id, ports=given, indexes=indexes, now=now)
    tell_served(METRICS, LOGGER, answer=page, latency_ms=call.elapsed_ms, scorer=SCORER)
    return page


def _similar_to_item(call: HttpCall) -> similar_api.SimilarResponse:
    asked = api.parse_parameters(similar_api.SimilarParameters, call.parameters)
    now, given = PORTS.clock(), SCORER.similar
    return similar_to_item(asked, request_id=call.request_id, ports=given, now=now)


def _similar_to(call: HttpCall) -> similar_api.SimilarResponse:
    asked = api.parse_body(similar_api.SimilarRequest, call.body)
    now, given = PORTS.clock(), SCORER.similar
    return similar_to(asked, request_id=call.request_id, ports=given, now=now)


ROUTES = {
    routes.RECOMMEND.key: _recommend,
    routes.HOME.key: _show_home,
    routes.SIMILAR_ITEMS.key: _similar_to_item,
    routes.SIMILAR.key: _similar_to,
}
