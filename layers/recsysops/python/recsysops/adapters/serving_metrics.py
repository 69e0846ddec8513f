"""What each served request tells CloudWatch, in one EMF line; what could not load is logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from recsysops.observability import Metrics
from recsysops.serving.api import FallbackReason
from recsysops.vocabulary import FallbackStep

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


class LossCounter(Protocol):
    """A log that counts the lines it lost."""

    def take_losses(self) -> int:
        """Return how many lines were lost since the last call."""


class FlagCounter(Protocol):
    """A flag reader that counts what went wrong."""

    @property
    def rejected_count(self) -> int:
        """How many documents have a newer text that was refused."""

    def take_failures(self) -> int:
        """Return how many polls were not answered since the last call."""


class Problem(Protocol):
    """Something that could not be loaded."""

    @property
    def subject(self) -> str:
        """What it was."""

    @property
    def message(self) -> str:
        """Why."""


class ScorerHealth(Protocol):
    """Where a scorer counts what went wrong."""

    @property
    def log(self) -> LossCounter:
        """The request log."""

    @property
    def flags(self) -> FlagCounter:
        """The flags."""

    def drain_problems(self) -> Sequence[Problem]:
        """Return what could not be loaded since the last call."""


class Answer(Protocol):
    """What of an answer is counted."""

    @property
    def fallback_reason(self) -> FallbackReason | None:
        """Why a fallback served."""

    @property
    def fallback_step(self) -> FallbackStep | None:
        """What served instead."""


def reason_metric(reason: str) -> str:
    """Name the metric that counts the fallbacks of one reason."""
    return f"FallbackBecause_{reason}"


def step_metric(step: str) -> str:
    """Name the metric that counts the fallbacks that one step of the chain answered."""
    return f"FallbackTo_{step}"


def tell_served(
    metrics: Metrics, logger: Logger, *, answer: Answer, latency_ms: float, scorer: ScorerHealth
) -> None:
    """Print one line of metrics; `Fallback` is 0 or 1 each time, so its average is the share.

    A fallback also counts under its reason and under the step that answered.
    """
    fell_back = answer.fallback_reason is not None
    problems = scorer.drain_problems()
    for problem in problems:
        logger.error("could not load", subject=problem.subject, reason=problem.message)
    metrics.add_metric("Fallback", "Count", int(fell_back))
    if fell_back:
        metrics.add_metric(reason_metric(str(answer.fallback_reason)), "Count", 1)
        metrics.add_metric(step_metric(str(answer.fallback_step)), "Count", 1)
    metrics.add_metric("LatencyMs", "Milliseconds", round(latency_ms, 3))
    metrics.add_metric("LoadProblems", "Count", len(problems))
    metrics.add_metric("LogLinesLost", "Count", scorer.log.take_losses())
    metrics.add_metric("FlagsRejected", "Count", scorer.flags.rejected_count)
    metrics.add_metric("FlagPollFailures", "Count", scorer.flags.take_failures())
    metrics.flush_metrics()
