"""Every file below events/ is fed to its handler; its name begins with what must come of it.

`200-…`, `422-…`: the status of an HTTP answer. `ok-…`: the handler returns. `BadInput-…`: it
raises that error, whose name a state machine reads. Adding a file adds a test.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from recsysops import errors
from recsysops.serving.operations import OPERATIONS

from tests.integration.functions.handlers import CONTEXT, EVENTS, FUNCTIONS, loaded_handler
from tests.integration.functions.memory_stack import make_stack

CASES = sorted(EVENTS.glob("*/*.json"))
WORKS = {"200", "ok"}
MEMBERS = re.compile(r"\b(m1|m2|never-seen|new-member)\b")
ANSWERS = {one.route.key: one.answer for one in OPERATIONS}


def test_every_function_has_events_that_work_and_events_that_do_not() -> None:
    outcomes: dict[str, set[str]] = {}
    for path in CASES:
        outcomes.setdefault(path.parts[-2], set()).add(path.stem.partition("-")[0])
    functions = {handler.parent.name for handler in FUNCTIONS.glob("*/handler.py")}
    assert set(outcomes) >= functions
    for function, found in outcomes.items():
        assert found & WORKS, f"events/{function} lacks an event that works"
        assert found - WORKS, f"events/{function} lacks an event that does not"


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parts[-2]}/{path.stem}")
def test_the_handler_does_with_an_event_what_its_name_says(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    function, outcome = path.parts[-2], path.stem.partition("-")[0]
    event = json.loads(path.read_text())
    with loaded_handler(function, make_stack().ports) as module:
        if outcome.isdigit():
            route = event["routeKey"]
            check_answer(module.handle(event, CONTEXT), route=route, status=int(outcome))
        elif outcome == "ok":
            json.dumps(module.handle(event, CONTEXT), allow_nan=False)
        else:
            with pytest.raises(getattr(errors, outcome)):
                module.handle(event, CONTEXT)
    for record in caplog.records:
        assert not MEMBERS.search(str(vars(record))), "a member's id must not be logged"


def check_answer(answer: dict[str, Any], *, route: str, status: int) -> None:
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"] == {"content-type": "application/json"}
    body = json.loads(answer["body"])
    if status == 200:
        if (model := ANSWERS[route]) is not None:
            model.model_validate(body)
        return
    assert body["request_id"] == CONTEXT.aws_request_id
    if status == 422:
        assert body["problems"]
        assert all(problem["path"] and problem["message"] for problem in body["problems"])
