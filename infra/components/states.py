"""Words of the Amazon States Language that the workflows share: tasks and when to try again."""

from __future__ import annotations

State = dict[str, object]

LAMBDA_TROUBLE = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
DEPENDENCY_TROUBLE = ("DependencyError",)
"""Our own class for 'a service we need failed': worth another try. BadInput and bugs are not."""

ATHENA_TROUBLE = ("Athena.TooManyRequestsException", "Athena.InternalServerException")

RUN = (
    "{% $merge([$states.context.Execution.Input,"
    " {'run_id': $states.context.Execution.Name,"
    " 'started_at': $states.context.Execution.StartTime}]) %}"
)
"""What a run is: the execution's own input, its name and when it began (the run's clock)."""


def retry(*errors: str, seconds: int, attempts: int) -> State:
    """Make a retrier: wait so many seconds, doubling, so many times, with jitter."""
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": seconds,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }


def invoke(function: str, *, payload: object) -> State:
    """Make a task that calls the function substituted for ${function}; its answer is the output."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": f"${{{function}}}", "Payload": payload},
        "Output": "{% $states.result.Payload %}",
        "Retry": [
            retry(*LAMBDA_TROUBLE, seconds=2, attempts=4),
            retry(*DEPENDENCY_TROUBLE, seconds=5, attempts=3),
        ],
    }


def catch_all(target: str, **fields: object) -> list[State]:
    """Make a catcher of every error that goes on at a state, with its `Output` and `Assign`."""
    return [{"ErrorEquals": ["States.ALL"], "Next": target, **fields}]
