"""Words of the Amazon States Language that the workflows share: tasks and when to try again."""

from __future__ import annotations

from recsysops import errors as error_tree
from recsysops.adapters import firehose_records
from recsysops.errors import ConflictError, DependencyError

State = dict[str, object]

FULL_HOUSE = "Lambda.TooManyRequestsException"
LAMBDA_TROUBLE = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    FULL_HOUSE,
)
LAMBDA_TIMEOUTS = ("Sandbox.Timedout",)

_WORTH_ANOTHER_TRY = (DependencyError, ConflictError)
_HOMES_OF_ERRORS = (error_tree, firehose_records)
"""The modules that declare such classes: named, so that every synthesis says the same."""

DEPENDENCY_TROUBLE = tuple(
    part.__name__
    for home in _HOMES_OF_ERRORS
    for part in vars(home).values()
    if isinstance(part, type)
    and issubclass(part, _WORTH_ANOTHER_TRY)
    and part.__module__ == home.__name__
)
"""Our own classes for 'a service we need failed, or others were faster': worth another try.
BadInput and bugs are not. Step Functions compares names alone: a subclass must be named too."""

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


def wait_in_line() -> State:
    """Make a retrier for a function that runs once at a time: some ten minutes on average.

    Jitter halves the waits of 5, 10, 20, 40 and then 60 seconds.
    """
    return {**retry(FULL_HOUSE, seconds=5, attempts=20), "MaxDelaySeconds": 60}


def invoke(function: str, *, payload: object) -> State:
    """Make a task that calls the function substituted for ${function}; its answer is the output."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": f"${{{function}}}", "Payload": payload},
        "Output": "{% $states.result.Payload %}",
        "Retry": [
            retry(*LAMBDA_TROUBLE, seconds=2, attempts=4),
            # once: our longest functions take 15 minutes, and a whole run may take two hours
            retry(*LAMBDA_TIMEOUTS, seconds=5, attempts=1),
            retry(*DEPENDENCY_TROUBLE, seconds=5, attempts=3),
        ],
    }


def catch_all(target: str, **fields: object) -> list[State]:
    """Make a catcher of every error that goes on at a state, with its `Output` and `Assign`."""
    return [{"ErrorEquals": ["States.ALL"], "Next": target, **fields}]
