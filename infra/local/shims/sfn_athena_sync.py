"""Shim: the emulator has no optimized Athena integration for Step Functions.

Missing upstream: `arn:aws:states:::athena:startQueryExecution[.sync]` and its siblings. They are
led through the generic aws-sdk integration, and `.sync` waits until the query is over.
"""

import json
import time
from typing import cast

from ministack.services import stepfunctions

from infra.local.shims.patching import find_part

_PREFIX = "arn:aws:states:::athena:"
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.2

Document = dict[str, object]


def install() -> None:
    """Answer the Athena resources of a state machine."""
    find_part(stepfunctions, "_invoke_aws_sdk_integration")
    find_part(stepfunctions, "_ExecutionError")
    dispatch = cast("dict[str, object]", find_part(stepfunctions, "_SERVICE_DISPATCH"))
    dispatch[_PREFIX] = _invoke_athena


def _invoke_athena(resource: str, parameters: Document) -> Document:
    action = resource.removeprefix(_PREFIX)
    answer = _call_athena(action.removesuffix(".sync"), parameters)
    return _await_query(answer) if action.endswith(".sync") else answer


def _await_query(started: Document) -> Document:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        answer = _call_athena("getQueryExecution", started)
        state = answer["QueryExecution"]["Status"]["State"]  # type: ignore[index]
        if state == "SUCCEEDED":
            return answer
        if state in {"FAILED", "CANCELLED"}:
            cause = json.dumps(answer, default=str)
            raise stepfunctions._ExecutionError("States.TaskFailed", cause)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _call_athena(action: str, parameters: Document) -> Document:
    return cast(
        "Document",
        stepfunctions._invoke_aws_sdk_integration(
            f"arn:aws:states:::aws-sdk:athena:{action}", parameters
        ),
    )
