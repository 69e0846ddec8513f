"""The HTTP edge turns every outcome into one well-formed answer and tells nobody too much."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from recsysops.adapters.http_edge import HttpCall, answer_call
from recsysops.errors import (
    ArtefactError,
    BadBody,
    BadData,
    BadInput,
    ConflictError,
    DependencyError,
    NotFound,
)
from recsysops.observability import make_logger

CONTEXT = SimpleNamespace(aws_request_id="r-1")
LOGGER = make_logger("a_test")


class Echo(BaseModel):
    length: int


def ask(serve: Any, **event: Any) -> tuple[int, dict[str, Any]]:
    answer = answer_call(
        {"routeKey": "POST /x", **event}, CONTEXT, routes={"POST /x": serve}, logger=LOGGER
    )
    assert set(answer) == {"statusCode", "headers", "body"}
    return answer["statusCode"], json.loads(answer["body"])  # type: ignore[return-value, arg-type]


def echo(call: HttpCall) -> Echo:
    assert call.request_id == "r-1"
    assert call.elapsed_ms >= 0.0
    return Echo(length=len(call.body))


def failing_with(error: Exception) -> Any:
    def serve(_: HttpCall) -> Echo:
        raise error

    return serve


@given(st.binary())
def test_bodies_arrive_as_sent_in_base64_or_plain(body: bytes) -> None:
    encoded = base64.b64encode(body).decode()
    assert ask(echo, body=encoded, isBase64Encoded=True) == (200, {"length": len(body)})
    assert ask(echo, body=encoded, isBase64Encoded=False) == (200, {"length": len(encoded)})


@pytest.mark.parametrize("event", [{}, {"body": None}, {"body": {"a": 1}}])
def test_an_event_without_text_has_an_empty_body(event: dict[str, Any]) -> None:
    assert ask(echo, **event) == (200, {"length": 0})


def test_text_that_no_encoding_knows_still_reaches_the_parser() -> None:
    assert ask(echo, body="\ud800")[0] == 200


@pytest.mark.parametrize("text", ["%%%", "\u00e9\u00e9", "\ud800"])
def test_a_body_that_claims_to_be_base64_and_is_not_is_refused_with_its_path(text: str) -> None:
    status, body = ask(echo, body=text, isBase64Encoded=True)
    assert status == 422
    assert body["problems"][0]["path"] == "body"


def test_parameters_of_the_path_win_over_those_of_the_query() -> None:
    met: list[HttpCall] = []

    def serve(call: HttpCall) -> str:
        met.append(call)
        return '{"as": "text"}'

    query, path = {"item_id": "other", "limit": "3"}, {"item_id": "i1"}
    assert ask(serve, queryStringParameters=query, pathParameters=path) == (200, {"as": "text"})
    assert ask(serve, queryStringParameters=None, pathParameters="nonsense")[0] == 200
    assert [call.parameters for call in met] == [{"item_id": "i1", "limit": "3"}, {}]


@pytest.mark.parametrize("route", ["GET /x", "POST /y", None, 3])
def test_another_route_is_not_found(route: object) -> None:
    assert ask(echo, routeKey=route)[0] == 404


def test_a_broken_body_lists_every_problem() -> None:
    status, body = ask(failing_with(BadBody([("a.0", "too long"), ("b", "missing")])))
    assert status == 422
    assert body == {
        "error": "bad_input",
        "message": "a.0: too long; b: missing",
        "request_id": "r-1",
        "problems": [
            {"path": "a.0", "message": "too long"},
            {"path": "b", "message": "missing"},
        ],
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadInput("x"), 422, "bad_input"),
        (BadData("x"), 422, "bad_input"),
        (NotFound("x"), 404, "not_found"),
        (ConflictError("x"), 409, "conflict"),
        (DependencyError("x"), 503, "dependency_failed"),
        (ArtefactError("x"), 500, "internal"),
        (ZeroDivisionError("x"), 500, "internal"),
    ],
)
def test_every_error_has_its_status(error: Exception, status: int, code: str) -> None:
    answered, body = ask(failing_with(error))
    assert (answered, body["error"], body["request_id"]) == (status, code, "r-1")


@pytest.mark.parametrize(
    "error", [DependencyError("table secret-name throttled"), KeyError("secret-name")]
)
def test_callers_do_not_learn_our_insides_but_the_log_does(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    _, body = ask(failing_with(error))
    assert "secret-name" not in json.dumps(body)
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("ERROR", "request failed")
    assert vars(record)["request_id"] == "r-1"
    assert "secret-name" in caplog.text + str(vars(record).get("reason"))


def test_a_refusal_logs_paths_not_values(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ask(failing_with(BadBody([("member_id", "String 'm-17' is bad")])))
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("INFO", "request refused")
    assert vars(record)["paths"] == ["member_id"]
    assert "m-17" not in str(vars(record))


def test_an_answer_may_choose_its_status() -> None:
    answer = answer_call(
        {"routeKey": "GET /x"}, CONTEXT, routes={"GET /x": echo}, logger=LOGGER,
        status_of=lambda body: 503 if body.length == 0 else 200,
    )  # fmt: skip
    assert answer["statusCode"] == 503
