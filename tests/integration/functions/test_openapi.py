"""functions/describe_api/openapi.json says what the functions really take and answer.

`make openapi` (this file with --snapshot-update) writes it anew, examples included: they are the
bodies of events/ and what the handlers answer to them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from recsysops.serving.openapi import Document, RouteExamples, build_document
from recsysops.serving.operations import OPERATIONS
from recsysops.serving.routes import ROUTES, routes_of

from tests.integration.functions.handlers import CONTEXT, EVENTS, FUNCTIONS, loaded_handler
from tests.integration.functions.memory_stack import make_stack

COMMITTED = FUNCTIONS / "describe_api" / "openapi.json"
HTTP_FUNCTIONS = sorted({route.function for route in ROUTES})


@cache
def generate_document() -> Document:
    found: dict[str, RouteExamples] = defaultdict(lambda: RouteExamples({}, defaultdict(dict)))
    for function in HTTP_FUNCTIONS:
        if function == "describe_api":
            continue  # its answer is the document
        for path in sorted((EVENTS / function).glob("*.json")):
            status, _, name = path.stem.partition("-")
            event = json.loads(path.read_text())
            if name == "another-route":
                continue
            with loaded_handler(function, make_stack().ports) as module:
                answer = module.handle(event, CONTEXT)
            examples = found[event["routeKey"]]
            examples.answered[int(status)][name] = json.loads(answer["body"])
            if status == "200" and "body" in event and not event["isBase64Encoded"]:
                examples.sent[name] = json.loads(event["body"])
    text = json.dumps(build_document(OPERATIONS, examples=found))
    # a snapshot's id hashes logarithms, whose last bits depend on the processor
    document: Document = json.loads(re.sub(r"\bd-[0-9a-f]{16}\b", "d-742b0c3a29c7f4f3", text))
    return document


def test_the_committed_document_is_the_one_generated(pytestconfig: pytest.Config) -> None:
    generated = generate_document()
    if pytestconfig.getoption("--snapshot-update"):
        COMMITTED.write_text(json.dumps(generated, indent=1) + "\n")
    assert json.loads(COMMITTED.read_text()) == generated, "run `make openapi` and commit"


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(generate_document()).validate()


def test_every_route_is_described_once_with_an_example_of_its_answer() -> None:
    assert [one.route for one in OPERATIONS] == list(ROUTES)
    paths = generate_document()["paths"]
    for route in ROUTES:
        described = paths[route.path][route.method.lower()]
        answer = described["responses"]["200"]["content"]["application/json"]
        assert answer.get("examples") or route.function == "describe_api", route.key
        sent = described.get("requestBody", {"content": {}})["content"].values()
        assert all(media["examples"] for media in sent), route.key


def test_a_scope_is_what_its_route_needs() -> None:
    document = generate_document()
    (name,) = document["components"]["securitySchemes"]
    for route in ROUTES:
        security = document["paths"][route.path][route.method.lower()]["security"]
        assert security == ([{name: [f"recsysops/{route.scope}"]}] if route.scope else [])


@pytest.mark.parametrize("function", HTTP_FUNCTIONS)
def test_a_function_answers_the_routes_declared_for_it_and_no_other(function: str) -> None:
    with loaded_handler(function, make_stack().ports) as module:
        assert set(module.ROUTES) == {route.key for route in routes_of(function)}
