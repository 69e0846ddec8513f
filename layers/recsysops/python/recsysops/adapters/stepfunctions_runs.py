"""Runs of a Step Functions state machine: start one, watch it, return its output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.adapters.backoff import Sleep
from recsysops.errors import ConflictError, DependencyError

Progress = Callable[[str, float], None]
"""Called with (state, elapsed seconds) on every look at a run."""

_LONGEST_CAUSE = 300


class StateMachineRuns:
    """Starts and awaits executions."""

    def __init__(
        self,
        client: AwsClient,
        *,
        first_wait_seconds: float = 0.2,
        longest_wait_seconds: float = 3.0,
        sleep: Sleep = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._first_wait_seconds = first_wait_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._sleep = sleep
        self._monotonic = monotonic

    def start(self, state_machine_arn: str, payload: Mapping[str, object]) -> str:
        """Start an execution; returns its ARN. Raises: DependencyError."""
        with translate_errors("start a state machine"):
            started = self._client.start_execution(
                stateMachineArn=state_machine_arn, input=json.dumps(dict(payload))
            )
        return str(started["executionArn"])

    def start_once(self, state_machine_arn: str, name: str, payload: Mapping[str, object]) -> bool:
        """Start an execution under a name; False when the name was taken already.

        Raises: DependencyError.
        """
        try:
            with translate_errors("start a state machine"):
                self._client.start_execution(
                    stateMachineArn=state_machine_arn, name=name, input=json.dumps(dict(payload))
                )
        except ConflictError:
            return False
        return True

    def wait(
        self, execution_arn: str, *, limit_seconds: float, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Wait until an execution has ended and return its output, {} when it has none.

        Raises: DependencyError in one line when it fails, is aborted or outlasts the limit.
        """
        begun = self._monotonic()
        wait_seconds = self._first_wait_seconds
        while True:
            run = self._look(execution_arn)
            elapsed_seconds = self._monotonic() - begun
            if progress is not None:
                progress(str(run["status"]), elapsed_seconds)
            if run["status"] != "RUNNING":
                return _output_of(run)
            if elapsed_seconds >= limit_seconds:
                raise DependencyError(f"{_name(run)} still runs after {elapsed_seconds:.0f} s")
            self._sleep(wait_seconds)
            wait_seconds = min(self._longest_wait_seconds, wait_seconds * 1.5)

    def run(
        self,
        state_machine_arn: str,
        payload: Mapping[str, object],
        *,
        limit_seconds: float = 900.0,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Start an execution, wait for it and return its output. Raises: DependencyError."""
        execution_arn = self.start(state_machine_arn, payload)
        return self.wait(execution_arn, limit_seconds=limit_seconds, progress=progress)

    def _look(self, execution_arn: str) -> Mapping[str, Any]:
        with translate_errors("look at an execution"):
            run: Mapping[str, Any] = self._client.describe_execution(executionArn=execution_arn)
        return run


def _output_of(run: Mapping[str, Any]) -> dict[str, Any]:
    if run["status"] != "SUCCEEDED":
        error, cause = run.get("error", "no error"), run.get("cause", "no cause")
        line = " ".join(f"{error}: {_message_of(cause)}".split())[:_LONGEST_CAUSE]
        raise DependencyError(f"{_name(run)} {str(run['status']).lower()}: {line}")
    output = json.loads(run.get("output") or "{}")
    return output if isinstance(output, dict) else {"output": output}


def _message_of(cause: str) -> str:
    """Return the message inside a Lambda's error document, or the cause as it is."""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    return str(document.get("errorMessage", cause)) if isinstance(document, dict) else cause


def _name(run: Mapping[str, Any]) -> str:
    machine = str(run["stateMachineArn"]).rpartition(":")[2]
    return f"{machine} run {str(run['executionArn']).rpartition(':')[2]}"
