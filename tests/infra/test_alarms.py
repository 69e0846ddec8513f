"""Who is paged when, and what rolls a deployment back."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from recsysops.adapters.publishing_metrics import REJECTED_ITEMS, tell_published
from recsysops.adapters.serving_metrics import tell_served
from recsysops.observability import NAMESPACE, make_logger, make_metrics

from infra.settings import FUNCTION_SIZES

from .conftest import Assembly, Resource

pytestmark = pytest.mark.xdist_group("infra")


class Counts:
    """What the log and the flags counted."""

    rejected_count = 0

    def take_losses(self) -> int:
        return 0

    def take_failures(self) -> int:
        return 0


DELIVERIES = ("Slim", "Full", "Shadow", "Similar", "Feedback", "Consumer")


def alarms(assembly: Assembly) -> dict[str, Resource]:
    return {
        name.removeprefix("Alarms")[:-8]: part["Properties"]
        for name, part in assembly.resources("AWS::CloudWatch::Alarm").items()
    }


def test_everything_that_can_fail_is_watched(aws: Assembly) -> None:
    functions = ["".join(map(str.title, name.split("_"))) for name in FUNCTION_SIZES]
    assert set(alarms(aws)) == {
        *(f"{name}Errors" for name in functions),
        *(f"{name}Throttles" for name in functions if name != "RecordIncidents"),
        *("DeltaFailuresDepth", "StartFailuresDepth"),
        *(
            f"{workflow}{ending}"
            for workflow in ("Audit", "LaunchPrediction", "FeatureImport")
            for ending in ("Failed", "TimedOut")
        ),
        *(f"{name}Delivery" for name in DELIVERIES),
        *(
            "ApiServerErrors",
            "FallbackShare",
            "SlowAnswers",
            "LostLogLines",
            "RejectedFlags",
            "RejectedItems",
            "StoredListServed",
            "UnreadableModel",
        ),
    }


def test_serving_alarms_watch_metrics_that_serving_emits(
    aws: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "recommend_items"
    health = SimpleNamespace(log=Counts(), flags=Counts(), drain_problems=tuple)
    answer = SimpleNamespace(fallback_reason="no_catalogue", fallback_step="packaged_list")
    tell_served(make_metrics(name), make_logger(name), answer=answer, latency_ms=1, scorer=health)
    line = json.loads(capsys.readouterr().out)
    watched = [
        alarm
        for alarm in alarms(aws).values()
        if alarm.get("Namespace") == NAMESPACE and alarm["MetricName"] != REJECTED_ITEMS
    ]
    assert len(watched) == 5
    for alarm in watched:
        assert alarm["MetricName"] in line
        assert alarm["Dimensions"] == [{"Name": "service", "Value": line["service"]}]


def test_the_alarm_on_mistyped_items_watches_what_a_publication_counts(
    aws: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "publish_delta"
    tell_published(
        make_metrics(name), make_logger(name), delta_id="d-1", rejected={"7": "attribute price"}
    )
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    alarm = alarms(aws)["RejectedItems"]
    assert alarm["MetricName"] in line
    assert alarm["Dimensions"] == [{"Name": "service", "Value": line["service"]}]


def test_every_alarm_pages_the_incident_topic_and_says_what_to_do(aws: Assembly) -> None:
    (topic,) = aws.resources("AWS::SNS::Topic")
    for name, alarm in alarms(aws).items():
        assert alarm["AlarmActions"] == [{"Ref": topic}], name
        assert alarm["AlarmDescription"].endswith("."), name


def test_silence_is_no_alarm(aws: Assembly) -> None:
    """A night without requests pages nobody; that requests are missing is the volume audit's."""
    for name, alarm in alarms(aws).items():
        assert alarm["TreatMissingData"] == "notBreaching", name


def test_alarms_may_publish_to_the_topic(aws: Assembly) -> None:
    statements = aws.one("AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = [part for part in statements if part["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert "aws:SourceAccount" in allowed["Condition"]["StringEquals"]


def test_delivery_alarms_fire_below_and_all_others_at_their_threshold(aws: Assembly) -> None:
    for name, alarm in alarms(aws).items():
        below = alarm["ComparisonOperator"] == "LessThanThreshold"
        assert below == name.endswith("Delivery"), name


def test_server_errors_roll_a_hotfix_or_a_model_back(aws: Assembly) -> None:
    monitors = {
        part["Properties"]["Name"]: part["Properties"].get("Monitors", [])
        for part in aws.resources("AWS::AppConfig::Environment").values()
    }
    assert {name for name, found in monitors.items() if found} == {"hotfixes", "model"}
    assert "AlarmsApiServerErrors" in str(monitors["hotfixes"])


def test_hotfixes_models_and_sampling_do_not_wait_for_each_other(aws: Assembly) -> None:
    environments = aws.resources("AWS::AppConfig::Environment").values()
    profiles = aws.resources("AWS::AppConfig::ConfigurationProfile").values()
    names = {"hotfixes", "model", "sampling"}
    assert {part["Properties"]["Name"] for part in environments} == names
    assert {part["Properties"]["Name"] for part in profiles} == names


def test_staged_bakes_and_at_once_does_not(aws: Assembly) -> None:
    strategies = {
        part["Properties"]["Name"]: part["Properties"]
        for part in aws.resources("AWS::AppConfig::DeploymentStrategy").values()
    }
    staged, at_once = strategies["recsysops-staged"], strategies["recsysops-at-once"]
    assert (staged["DeploymentDurationInMinutes"], staged["GrowthFactor"]) == (5, 20)
    assert staged["FinalBakeTimeInMinutes"] > 0
    assert (at_once["DeploymentDurationInMinutes"], at_once["FinalBakeTimeInMinutes"]) == (0, 0)
