"""The OpenAPI 3.1 document of the HTTP API, from its routes, its bodies and real examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from recsysops import __version__
from recsysops.serving.operations import Operation
from recsysops.serving.refusals import GatewayRefusal, Refusal
from recsysops.serving.routes import SCOPES, Route

Document = dict[str, Any]
Examples = dict[str, object]
"""Bodies (or, of a parameter, its value) by the name of the case they come from."""

SECURITY = "client_credentials"
_REF = "#/components/schemas/{model}"
_TOKEN_URL = "https://recsysops-ACCOUNT.auth.REGION.amazoncognito.com/oauth2/token"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class RouteExamples:
    """Real bodies of one route: what was sent, and what was answered by status."""

    sent: Examples = field(default_factory=dict)
    answered: Mapping[int, Examples] = field(default_factory=dict)


def build_document(
    operations: Iterable[Operation], *, examples: Mapping[str, RouteExamples]
) -> Document:
    """Return the document; `examples` are keyed by route ("GET /health")."""
    described = tuple(operations)
    paths: dict[str, Document] = {}
    for operation in described:
        shown = examples.get(operation.route.key, RouteExamples())
        item = paths.setdefault(operation.route.path, {})
        item[operation.route.method.lower()] = _describe(operation, shown)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "recsysops",
            "version": __version__,
            "summary": "A recommender that stays healthy.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "the api_url of the stage's outputs"}],
        "paths": paths,
        "components": {"schemas": _schemas(described), "securitySchemes": _security_schemes()},
    }


def _describe(operation: Operation, shown: RouteExamples) -> Document:
    described: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "security": _security(operation.route),
        "responses": _responses(operation, shown),
    }
    if operation.parameters is not None:
        described["parameters"] = _parameters(operation.route, operation.parameters)
    if operation.body is not None:
        content = _content(_reference(operation.body), shown.sent)
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: Operation, shown: RouteExamples) -> Document:
    schema: Document = (
        {"type": "object"} if operation.answer is None else _reference(operation.answer)
    )
    answers = ((HTTPStatus.OK, "the answer"), *operation.other_answers)
    responses = {
        str(int(status)): _response(text, schema, shown, status) for status, text in answers
    }
    for status, text, refusal in _refusals(operation):
        if str(int(status)) not in responses:
            responses[str(int(status))] = _response(text, _reference(refusal), shown, status)
    return dict(sorted(responses.items()))


def _refusals(operation: Operation) -> Iterable[tuple[HTTPStatus, str, type[BaseModel]]]:
    if operation.route.scope is not None:
        yield HTTPStatus.UNAUTHORIZED, "no token, or an expired one", GatewayRefusal
        yield HTTPStatus.FORBIDDEN, "the token lacks the scope", GatewayRefusal
    yield HTTPStatus.TOO_MANY_REQUESTS, "slower, please: the API is throttled", GatewayRefusal
    for status, text in operation.refusals:
        yield status, text, Refusal
    if operation.body is not None or operation.parameters is not None:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, "what is wrong, field by field", Refusal
    yield HTTPStatus.INTERNAL_SERVER_ERROR, "our mistake: we are paged", Refusal
    yield HTTPStatus.SERVICE_UNAVAILABLE, "a service we need failed: try again", Refusal


def _response(text: str, schema: Document, shown: RouteExamples, status: HTTPStatus) -> Document:
    content = _content(schema, shown.answered.get(int(status), {}))
    return {"description": text, "content": content}


def _content(schema: Document, examples: Examples) -> Document:
    media: Document = {"schema": schema}
    if examples:
        media["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"application/json": media}


def _parameters(route: Route, model: type[BaseModel]) -> list[Document]:
    schema = model.model_json_schema(ref_template=_REF)
    in_path = set(re.findall(r"{(\w+)}", route.path))
    required = set(schema.get("required", ()))
    return [
        _parameter(name, part, is_in_path=name in in_path, is_required=name in required)
        for name, part in schema["properties"].items()
    ]


def _parameter(name: str, schema: Document, *, is_in_path: bool, is_required: bool) -> Document:
    place: Literal["path", "query"] = "path" if is_in_path else "query"
    parameter: Document = {
        "name": name,
        "in": place,
        "required": is_in_path or is_required,
        "schema": {key: value for key, value in schema.items() if key != "description"},
    }
    if "description" in schema:
        parameter["description"] = schema["description"]
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}  # genres=Drama,Comedy
    return parameter


def _schemas(operations: Iterable[Operation]) -> Document:
    sent = [one.body for one in operations if one.body is not None]
    answered = [one.answer for one in operations if one.answer is not None]
    _, schema = models_json_schema(
        [
            *((model, "validation") for model in dict.fromkeys(sent)),
            *((model, "serialization") for model in dict.fromkeys(answered)),
            *((model, "serialization") for model in (Refusal, GatewayRefusal)),
        ],
        ref_template=_REF,
    )
    return dict(sorted(schema["$defs"].items()))


def _reference(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}


def _security(route: Route) -> list[Document]:
    return [] if route.scope is None else [{SECURITY: [f"recsysops/{route.scope}"]}]


def _security_schemes() -> Document:
    scopes = {f"recsysops/{name}": text for name, text in SCOPES.items()}
    flow = {"tokenUrl": _TOKEN_URL, "scopes": scopes}
    return {
        SECURITY: {
            "type": "oauth2",
            "description": "A machine client; the token_url of the stage's outputs.",
            "flows": {"clientCredentials": flow},
        }
    }
