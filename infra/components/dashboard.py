"""The one picture an operator opens first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from recsysops.adapters.serving_metrics import reason_metric, step_metric
from recsysops.serving.api import FallbackReason
from recsysops.vocabulary import FallbackStep

from infra.components.alarms import PERIOD, delivery_metric, serving_metric
from infra.components.python_function import PythonFunction
from infra.components.request_log_streams import RequestLogStream
from infra.components.serving_api import ServingApi
from infra.components.state_machine import Workflow


class Dashboard(Construct):
    """Rows of graphs: serving, functions, detection and delivery."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self._board = cloudwatch.Dashboard(self, "Board", dashboard_name="recsysops")

    def show_serving(self, api: ServingApi, recommend: PythonFunction) -> None:
        """Show requests, answers, fallbacks and latency."""
        duration = recommend.lambda_function
        self._row(
            _graph("Requests and errors", api.api.metric_count(), api.api.metric_server_error()),
            _graph("Fallback share", serving_metric("Fallback", statistic="Average")),
            _graph(
                "Answer time, ms",
                duration.metric_duration(period=PERIOD, statistic="p50"),
                duration.metric_duration(period=PERIOD, statistic="p99"),
            ),
        )

    def show_fallbacks(self) -> None:
        """Show why fallbacks served and which step of the chain answered."""
        self._row(
            _graph("Fallbacks by reason", *_counts(reason_metric, get_args(FallbackReason))),
            _graph("Fallbacks by what answered", *_counts(step_metric, get_args(FallbackStep))),
        )

    def show_functions(self, functions: Sequence[PythonFunction]) -> None:
        """Show errors, throttles and concurrency of every function."""
        parts = [function.lambda_function for function in functions]
        self._row(
            _graph("Function errors", *(part.metric_errors(period=PERIOD) for part in parts)),
            _graph("Function throttles", *(part.metric_throttles(period=PERIOD) for part in parts)),
            _graph("Invocations", *(part.metric_invocations(period=PERIOD) for part in parts)),
        )

    def show_detection(self, workflows: Sequence[Workflow]) -> None:
        """Show what the workflows did."""
        machines = [workflow.state_machine for workflow in workflows]
        self._row(
            _graph("Runs succeeded", *(part.metric_succeeded() for part in machines)),
            _graph("Runs failed", *(part.metric_failed() for part in machines)),
            _graph("Run time", *(part.metric_time() for part in machines)),
        )

    def show_delivery(self, streams: Sequence[RequestLogStream]) -> None:
        """Show whether log lines reach the lake."""
        self._row(
            _graph("Delivery to the lake", *(delivery_metric(part) for part in streams)),
            _graph("Log lines lost", serving_metric("LogLinesLost", statistic="Sum")),
            _graph(
                "Flags refused, polls failed",
                serving_metric("FlagsRejected", statistic="Maximum"),
                serving_metric("FlagPollFailures", statistic="Sum"),
            ),
        )

    def _row(self, *graphs: cloudwatch.GraphWidget) -> None:
        self._board.add_widgets(*graphs)


def _counts(name: Callable[[str], str], kinds: Sequence[str]) -> list[cloudwatch.Metric]:
    return [serving_metric(name(kind), statistic="Sum") for kind in kinds]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
