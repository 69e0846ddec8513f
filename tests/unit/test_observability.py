"""One line of metrics is exactly what CloudWatch's embedded metric format asks for."""

from __future__ import annotations

import json

import pytest
from recsysops.observability import make_metrics


def test_a_line_names_every_metric_with_its_unit_and_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsysops.observability.time.time", lambda: 1_772_409_600.5)
    metrics = make_metrics("s")
    metrics.add_metric("Fallback", "Count", 1)
    metrics.add_metric("LatencyMs", "Milliseconds", 1.25)
    metrics.add_metric("LatencyMs", "Milliseconds", 2)
    metrics.flush_metrics()
    assert json.loads(capsys.readouterr().out) == {
        "_aws": {
            "Timestamp": 1_772_409_600_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "RecSysOps",
                    "Dimensions": [["service"]],
                    "Metrics": [
                        {"Name": "Fallback", "Unit": "Count"},
                        {"Name": "LatencyMs", "Unit": "Milliseconds"},
                    ],
                }
            ],
        },
        "service": "s",
        "Fallback": [1.0],
        "LatencyMs": [1.25, 2.0],
    }


def test_what_was_printed_is_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = make_metrics("s")
    for name in ("First", "Second"):
        metrics.add_metric(name, "Count", 1)
        metrics.flush_metrics()
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert "First" in first
    assert "First" not in second
    assert [one["Name"] for one in second["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["Second"]
