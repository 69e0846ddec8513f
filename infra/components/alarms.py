"""When the machinery itself needs a person; audits watch the data."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct
from recsysops.adapters.publishing_metrics import REJECTED_ITEMS
from recsysops.adapters.serving_metrics import reason_metric
from recsysops.observability import NAMESPACE

from infra.components.dead_letters import DeadLetters
from infra.components.incident_topic import IncidentTopic
from infra.components.python_function import PythonFunction
from infra.components.request_log_streams import RequestLogStream
from infra.components.serving_api import ServingApi
from infra.components.state_machine import Workflow
from infra.settings import AlarmThresholds

PERIOD = Duration.minutes(5)


class Alarms(Construct):
    """Single-metric alarms that page the incident topic; missing data is not alarming."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: IncidentTopic,
        thresholds: AlarmThresholds,
    ) -> None:
        super().__init__(scope, construct_id)
        self._action = actions.SnsAction(topic.topic)
        self._thresholds = thresholds

    def watch_function(self, function: PythonFunction) -> cloudwatch.Alarm:
        """Alarm on errors and throttles of a function; returns the alarm on errors.

        Whoever calls a function that runs one at a time is throttled as a matter of course, and
        waits in line: its workflow fails, and alarms, when that takes too long.
        """
        name = function.node.id
        if not function.size.one_at_a_time:
            self._add(
                f"{name}Throttles",
                function.lambda_function.metric_throttles(period=PERIOD),
                at_least=self._thresholds.function_throttles,
                says=f"{name} was refused a place to run: raise the concurrency limit",
            )
        return self._add(
            f"{name}Errors",
            function.lambda_function.metric_errors(period=PERIOD),
            at_least=self._thresholds.function_errors,
            says=f"{name} raised or ran out of time: read its log group",
        )

    def watch_workflow(self, workflow: Workflow) -> None:
        """Alarm when an execution fails: then nobody audits, or nobody predicts."""
        self._add(
            f"{workflow.node.id}Failed",
            workflow.state_machine.metric_failed(period=PERIOD),
            at_least=self._thresholds.failed_executions,
            says=f"an execution of {workflow.node.id} failed: what it should have found is unknown",
        )
        self._add(
            f"{workflow.node.id}TimedOut",
            workflow.state_machine.metric_timed_out(period=PERIOD),
            at_least=self._thresholds.failed_executions,
            says=f"an execution of {workflow.node.id} ran out of time: its findings are unknown",
        )

    def watch_dead_letters(self, letters: DeadLetters) -> None:
        """Alarm when anything lies in a dead-letter queue."""
        self._add(
            f"{letters.node.id}Depth",
            letters.queue.metric_approximate_number_of_messages_visible(
                period=PERIOD, statistic="Maximum"
            ),
            at_least=self._thresholds.dead_letters,
            says=f"{letters.node.id} holds work that was given up: read it, mend it, send it again",
        )

    def watch_delivery(self, stream: RequestLogStream) -> None:
        """Alarm when log lines do not reach the lake."""
        self._add(
            f"{stream.node.id}Delivery",
            delivery_metric(stream),
            below=self._thresholds.delivery_success_share,
            says=f"log lines of {stream.table} do not reach the lake: read its delivery errors",
        )

    def watch_api(self, api: ServingApi) -> cloudwatch.Alarm:
        """Alarm when callers get 5xx answers; returns the alarm."""
        return self._add(
            "ApiServerErrors",
            api.api.metric_server_error(period=PERIOD, statistic="Sum"),
            at_least=self._thresholds.server_errors,
            says="callers get 5xx answers: every one is a page without recommendations",
        )

    def watch_serving(self, function: PythonFunction) -> tuple[cloudwatch.Alarm, ...]:
        """Alarm on the share of fallbacks and on slow answers."""
        return (
            self._add(
                "FallbackShare",
                serving_metric("Fallback", statistic="Average"),
                at_least=self._thresholds.fallback_share,
                says="too many fallback lists: read fallback_reason in slim_requests",
            ),
            self._add(
                "SlowAnswers",
                function.lambda_function.metric_duration(period=PERIOD, statistic="p99"),
                at_least=self._thresholds.recommend_p99_ms,
                says="one answer in a hundred is slower than promised",
            ),
        )

    def watch_publishing(self) -> None:
        """Alarm on item rows that an upstream job mistyped."""
        self._add(
            "RejectedItems",
            _metric(REJECTED_ITEMS, service="publish_delta", statistic="Maximum"),
            at_least=self._thresholds.rejected_items,
            says="item rows cannot be read and are served as they were: read publish_delta's log",
        )

    def watch_what_serving_counts(self) -> None:
        """Alarm on lost log lines, refused flag documents and models that cannot be loaded."""
        self._add(
            "UnreadableModel",
            serving_metric("LoadProblems", statistic="Sum"),
            at_least=self._thresholds.load_problems,
            says="a model or delta cannot be loaded; the old one serves: read the function's log",
        )
        self._add(
            "StoredListServed",
            serving_metric(reason_metric("no_catalogue"), statistic="Sum"),
            at_least=self._thresholds.stored_lists,
            says="no model and no snapshot could be loaded: members see a stored list",
        )
        self._add(
            "LostLogLines",
            serving_metric("LogLinesLost", statistic="Sum"),
            at_least=self._thresholds.lost_log_lines,
            says="request log lines were lost before Firehose had them: audits see too little",
        )
        self._add(
            "RejectedFlags",
            serving_metric("FlagsRejected", statistic="Maximum"),
            at_least=self._thresholds.rejected_flags,
            says="a deployed flag document breaks its rules; the last good one is kept: undo it",
        )

    def summarise(self, alarms: Sequence[cloudwatch.Alarm]) -> None:
        """Add one alarm that fires while any of these does: what a status page shows."""
        cloudwatch.CompositeAlarm(
            self,
            "ServingUnwell",
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
            alarm_description="Members are served badly: errors, fallbacks or slow answers.",
        )

    def _add(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        says: str,
        at_least: float | None = None,
        below: float | None = None,
    ) -> cloudwatch.Alarm:
        comparison = cloudwatch.ComparisonOperator
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=_given(at_least, below),
            comparison_operator=comparison.LESS_THAN_THRESHOLD
            if at_least is None
            else comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{says}.",
        )
        alarm.add_alarm_action(self._action)
        return alarm


def serving_metric(name: str, *, statistic: str) -> cloudwatch.Metric:
    """Name a metric that recommend_items emits (EMF)."""
    return _metric(name, service="recommend_items", statistic=statistic)


def _metric(name: str, *, service: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": service},
        period=PERIOD,
        statistic=statistic,
    )


def delivery_metric(stream: RequestLogStream) -> cloudwatch.Metric:
    """Name the share of deliveries to S3 that succeeded."""
    return cloudwatch.Metric(
        namespace="AWS/Firehose",
        metric_name="DeliveryToS3.Success",
        dimensions_map={"DeliveryStreamName": stream.stream.ref},
        period=PERIOD,
        statistic="Average",
    )


def _given(*values: float | None) -> float:
    given = [value for value in values if value is not None]
    if len(given) != 1:
        raise ValueError("an alarm has one threshold: give at_least or below")
    return given[0]
