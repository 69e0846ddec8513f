"""No body, path or query that the document allows or forbids gives a 5xx or an unnamed status.

FUZZ_CASES calls in all, over every route (`make fuzz`: 10,000).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from recsysops.serving.routes import ROUTES
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.functions.gateway import Gateway, open_gateway
from tests.integration.functions.handlers import FUNCTIONS
from tests.integration.functions.memory_stack import make_stack

CASES = int(os.environ.get("FUZZ_CASES", "500"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT = json.loads((FUNCTIONS / "describe_api" / "openapi.json").read_text())
CALLED = [route for route in ROUTES if "{" in route.path or route.method != "GET"]
HOSTILE = (
    "../../etc/passwd", "..%2f..%2fitems", "a'; DROP TABLE feedback; --", "${jndi:ldap://x}",
    "{{7*7}}", "\u202e\u0000x", "\ud800", "<script>", "a\nb", "x" * 70, "", " ", "%00", "-", ".",
)  # fmt: skip


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with open_gateway(make_stack().ports) as opened:
        yield opened


@pytest.mark.parametrize("route", CALLED, ids=lambda route: route.key)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_no_call_gives_a_5xx_or_an_unnamed_status(
    gateway: Gateway, route: Any, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = gateway
    met: Counter[int] = Counter()

    @given(case=schema[route.path][route.method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=max(1, CASES // (2 * len(CALLED))),
        deadline=None,
        database=None,
        derandomize=CASES <= 500,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any) -> None:
        response = case.call()
        met[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    call()
    reached = set(met) & ({200, 404} if mode is GenerationMode.POSITIVE else {422})
    assert reached, f"no call was understood as meant: {met}"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("route", CALLED, ids=lambda route: route.key)
def test_a_hostile_id_is_refused_and_does_not_reach_the_log(
    gateway: Gateway, route: Any, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    names = ("member_id", "item_id", "request_id", "event_id", "consumer")
    event = {
        "routeKey": route.key,
        "pathParameters": dict.fromkeys(("member_id", "item_id"), text),
        "body": json.dumps(dict.fromkeys(names, text)),
    }
    answer = gateway.handle(route, event)
    assert answer["statusCode"] == 422
    assert len(text) < 2 or text not in str([vars(record) for record in caplog.records])
