"""PUT of an item or a member: stored unless something as new is there already."""

from recsysops.adapters.http_edge import Answer, Event, HttpCall, LambdaContext, answer_call
from recsysops.bootstrap import process_ports
from recsysops.observability import make_logger
from recsysops.serving import features_api, routes
from recsysops.serving.api import parse_body, parse_parameters
from recsysops.workflows.put_features import put_item, put_member

PORTS = process_ports("request")
LOGGER = make_logger("put_features")


def handle(event: Event, context: LambdaContext) -> Answer:
    """Serve one HTTP API event."""
    return answer_call(event, context, routes=ROUTES, logger=LOGGER)


def _put_item(call: HttpCall) -> features_api.ItemWritten:
    item_id = parse_parameters(features_api.ItemParameters, call.parameters).item_id
    return put_item(item_id, parse_body(features_api.ItemBody, call.body), items=PORTS.items)


def _put_member(call: HttpCall) -> features_api.MemberWritten:
    member_id = parse_parameters(features_api.MemberParameters, call.parameters).member_id
    body = parse_body(features_api.MemberBody, call.body)
    return put_member(member_id, body, members=PORTS.members, blobs=PORTS.blobs)


ROUTES = {routes.PUT_ITEM.key: _put_item, routes.PUT_MEMBER.key: _put_member}
