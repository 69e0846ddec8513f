"""A metric that an item's owner declares: read strictly, asked of a real lake, judged per item."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier
from recsysops.detection.catalogue import (
    AUDITS,
    OWNED_METRICS,
    OWNED_METRICS_FOLDER,
    UNREADABLE_METRICS,
)
from recsysops.detection.cells import read_distributions
from recsysops.detection.checks import Judgement
from recsysops.detection.context import make_context
from recsysops.detection.judge import judge_rows
from recsysops.detection.owned_metric import (
    OwnedMetric,
    as_audit,
    item_values,
    read_owned_metric,
    read_owned_metrics,
)
from recsysops.errors import BadData
from recsysops.request_log.job_records import ChoiceRank
from recsysops.request_log.records import FeedbackEvent, SlimRequest
from recsysops.request_log.schema import encode_record, to_row
from recsysops.vocabulary import Window, hash_group
from recsysops.workflows.record_incidents import record_incidents

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CONTEXT = make_context(
    window=Window(START + DAY, START + 2 * DAY), reference=Window(START, START + DAY)
)
DECLARED = """
name = "studio_seven"
question = "Are our two titles still shown?"
owner = "studio-7"
runbook = "Ask ranking what changed."
measure = "exposure_share"
items = ["i-1", "i-2"]
floor = 0.3
turn = "drop"
"""


@pytest.fixture(scope="module")
def lake():
    """Two days: i-1 is shown to all and then to a tenth, first and then fourth, played by half and
    then by a tenth of those; i-2 stays as it is."""
    rng = np.random.default_rng(3)
    with DuckDbLake(clock=lambda: START + DAY) as made:
        for day, (shown_to, position, play_rate) in enumerate([(1.0, 0, 0.5), (0.1, 3, 0.1)]):
            _write_day(made, START + day * DAY, shown_to, position, play_rate=play_rate, rng=rng)
        yield made


def test_a_drop_of_one_item_is_found_and_the_other_one_is_left_alone(lake: DuckDbLake) -> None:
    metric = metric_of()
    [finding] = judged(metric, lake).findings
    assert (finding.subject, finding.metric) == ("i-1", "exposure_share")
    assert finding.effect == pytest.approx(0.9, abs=0.03)
    values = values_of(metric, lake)
    assert values["i-1"].baseline == 1.0
    assert values["i-2"].baseline == values["i-2"].observed == 1.0


@pytest.mark.parametrize(
    ("measure", "before", "now"),
    [("position", 1.0, 4.0), ("play_rate", 0.5, 0.1), ("choice_rank", 0.0095, 0.0095)],
)
def test_each_measure_says_what_a_hand_count_says(lake, measure, before, now) -> None:
    change = values_of(metric_of(measure=measure), lake)["i-1"]
    assert change.baseline == pytest.approx(before, abs=0.04)
    assert change.observed == pytest.approx(now, abs=0.08)


def test_only_the_declared_turn_alarms(lake: DuckDbLake) -> None:
    assert not judged(metric_of(turn="rise"), lake).findings
    assert judged(metric_of(turn="any"), lake).findings
    assert judged(metric_of(measure="position", turn="rise"), lake).findings


def test_a_surface_without_requests_cannot_be_judged(lake: DuckDbLake) -> None:
    assert judged(metric_of(surface="search"), lake).status in {"could_not_judge", "no_reference"}
    nobody = judged(metric_of(items=("i-none",), measure="position"), lake)
    assert nobody.status == "could_not_judge"


def test_a_file_becomes_an_audit_of_its_owner(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(DECLARED)
    (metric,), () = read_owned_metrics(tmp_path)
    audit = as_audit(metric)
    assert (audit.name, audit.owner, audit.component) == (
        "metric_studio_seven",
        "studio-7",
        "items",
    )
    assert audit.floors == {"exposure_share": 0.3}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("i-1", "x'; DROP TABLE slim_requests; --"), "items.0"),
        (("0.3", "1.5"), "floor"),
        (("studio_seven", "Studio"), "name"),
        (('turn = "drop"', 'turn = "drop"\nsql = "SELECT 1"'), "sql"),
        (('"exposure_share"', '"play_rate"\nsurface = "home"'), "takes no surface"),
        (("[", "[["), "no metric can be read"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(tmp_path, change, field) -> None:
    path = tmp_path / "m.toml"
    path.write_text(DECLARED.replace(*change))
    with pytest.raises(BadData, match=field):
        read_owned_metric(path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(DECLARED)
    (metric,), (twice,) = read_owned_metrics(tmp_path)
    assert metric.name == "studio_seven"
    assert (twice.audit, "b.toml: metric 'studio_seven' is declared twice" in twice.reason) == (
        "metric_b", True,
    )  # fmt: skip


def test_a_broken_file_is_an_incident_that_names_it_and_stops_no_other_audit(
    tmp_path: Path,
) -> None:
    (tmp_path / "good.toml").write_text(DECLARED)
    (tmp_path / "studio_8.toml").write_text(DECLARED.replace("0.3", "1.5"))
    (metric,), broken = read_owned_metrics(tmp_path)
    assert metric.name == "studio_seven"
    book = MemoryIncidents()
    silent = Judgement(audit="volume", status="judged", tested_wholes=3)
    said = {
        every: record_incidents(
            [silent],
            context=CONTEXT.model_copy(update={"every": every}),
            incidents=book,
            notifier=MemoryNotifier(),
            now=CONTEXT.window_end,
            unreadable=broken,
        )
        for every in ("hour", "day")
    }
    assert said["hour"].is_quiet
    assert said["day"].tested == 3
    [incident] = book.list_incidents()
    assert (incident.subject, incident.severity) == ("metric_studio_8", "low")
    assert "studio_8.toml: floor:" in incident.title


def test_every_declared_metric_is_in_the_catalogue() -> None:
    assert read_owned_metrics(OWNED_METRICS_FOLDER) == (OWNED_METRICS, UNREADABLE_METRICS)
    assert UNREADABLE_METRICS == ()
    assert {as_audit(metric).name for metric in OWNED_METRICS} <= {audit.name for audit in AUDITS}


def metric_of(**changes: object) -> OwnedMetric:
    declared = {
        "name": "studio_seven",
        "question": "Are our two titles still shown?",
        "owner": "studio-7",
        "runbook": "Ask ranking what changed.",
        "measure": "exposure_share",
        "items": ("i-1", "i-2"),
        "floor": 0.3,
    }
    return OwnedMetric.model_validate({**declared, **changes})


def judged(metric: OwnedMetric, lake: DuckDbLake):
    audit = as_audit(metric)
    return judge_rows(audit, lake.run(audit.render(CONTEXT)), context=CONTEXT)


def values_of(metric: OwnedMetric, lake: DuckDbLake):
    return item_values(metric, read_distributions(lake.run(as_audit(metric).render(CONTEXT))))


def _write_day(lake, start, shown_to, position, *, play_rate, rng) -> None:
    slim, feedback, choices = [], [], []
    for number in range(800):
        member = f"p{number % 200}"
        has_it = rng.random() < shown_to
        rest = ["i-2", "i-3", "i-4"]
        shown = [*rest[:position], "i-1", *rest[position:]] if has_it else rest
        named = {
            "request_id": f"r-{start:%d}-{number}",
            "event_time": start + timedelta(seconds=number),
            "member": member,
            "member_group": hash_group(member),
            "traffic": "simulated",
        }
        slim.append(encode_record(_slim(named, shown)))
        if has_it and rng.random() < play_rate:
            event = FeedbackEvent(
                **named, event_id=f"e-{number}", item_id="i-1", kind="play", value=1
            )
            feedback.append(encode_record(event))
        choices.append(to_row(_choice(named)))
    lake.write("slim_requests", slim)
    lake.write("feedback", feedback)
    lake.write_rows("choice_ranks", rows=choices, ingest_time=start + DAY, name=f"c-{start:%d}")


def _slim(named, shown) -> SlimRequest:
    return SlimRequest(
        **named, surface="home", member_known=True, model_id="m-1", delta_id="d-1", flag_version="",
        hotfix_ids=[], arm="greedy", shown=shown, scores=[1.0] * len(shown),
        propensities=[1.0] * len(shown), eligible_count=50, status="ok", fallback_reason=None,
        latency_ms=1.0, stratum="all", inclusion_probability=1.0, full=False,
    )  # fmt: skip


def _choice(named) -> ChoiceRank:
    return ChoiceRank(
        **named, surface="home", item_id="i-1", model_id="m-1", delta_id="d-1", eligible=True,
        rank=1, eligible_count=53, in_shortlist=True, inclusion_probability=0.5,
    )  # fmt: skip
