"""Faults of traffic, log, arms and consumers in an in-process lake, judged from their SQL on.

Each fault is written into a quiet day; leaving out the step that writes it makes its test fail.
"""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.detection.catalogue import find_audit
from recsysops.detection.checks import CheckDocument
from recsysops.detection.context import make_context
from recsysops.detection.judge import judge_rows
from recsysops.vocabulary import Window

from tests.fakes.audited_lake import (
    NOW,
    REFERENCE,
    WINDOW,
    Day,
    make_catalogue,
    next_batch,
    write_day,
)
from tests.fakes.log_faults import copy_rows, write_echo, write_feedback

Fault = Callable[[DuckDbLake, np.random.Generator], None]
CONTEXT = make_context(window=WINDOW, reference=REFERENCE, approved_models=("m-good",))


def found_by(audit: str, fault: Fault, *, day: Day | None = None) -> list[CheckDocument]:
    """What an audit finds beyond doubt when a fault was written into the second of two days."""
    rng = np.random.default_rng(5)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(300, rng)
        write_day(lake, Day(REFERENCE), items, rng)
        write_day(lake, day or Day(WINDOW), next_batch(items, WINDOW.start.date(), rng), rng)
        for window in (REFERENCE, WINDOW):
            write_feedback(lake, window, rng=rng)
        write_echo(lake, REFERENCE, rng=rng)
        fault(lake, rng)
        declared = find_audit(audit)
        judgement = judge_rows(declared, lake.run(declared.render(CONTEXT)), context=CONTEXT)
    assert judgement.status == "judged", judgement.reason
    return [finding for finding in judgement.findings if finding.p_value < 1e-4]


def nothing(lake: DuckDbLake, rng: np.random.Generator) -> None:
    write_echo(lake, WINDOW, rng=rng)


AUDITS = (
    "day_volume", "downstream_echo", "empty_slates", "event_clock", "fallback_share",
    "feedback_loss", "feedback_rates", "latency", "log_loss", "log_schema",
    "member_concentration", "predictions", "repeated_rows",
    "sample_ratio", "snapshot_age", "table_freshness", "volume",
)  # fmt: skip


@pytest.mark.parametrize("audit", AUDITS)
def test_a_quiet_day_with_feedback_and_a_consumer_is_quiet(audit: str) -> None:
    assert found_by(audit, nothing) == []


def copied(table: str, share: float, **now: object) -> Fault:
    return lambda lake, rng: copy_rows(lake, table, WINDOW, share=share, rng=rng, **now)  # type: ignore[arg-type]


def reported(turned_round: float) -> Fault:
    return lambda lake, rng: write_echo(lake, WINDOW, turned_round=turned_round, rng=rng)


def fed_back(**how: object) -> Fault:
    # the same name replaces what was written before
    return lambda lake, rng: write_feedback(lake, WINDOW, rng=rng, **how)  # type: ignore[arg-type]


FAULTS = {
    "downstream_echo": (reported(0.4), "resorted_share", "tv-app"),
    "event_clock": (
        fed_back(delay=timedelta(minutes=-5)), "early_feedback_share", "event_time"
    ),
    "feedback_loss": (fed_back(share=0.2), "answered_share", "feedback"),
    "feedback_rates": (fed_back(shown_share=0.2), "shown_play_share", "shown_play_share"),
    "log_loss": (copied("full_requests", 0.5, renamed="lost-"), "full_without_slim_share",
                 "slim_requests"),
    "log_schema": (copied("slim_requests", 0.5, country=None, surface=None), "null_share",
                   "slim_requests.surface"),
    "predictions": (copied("slim_requests", 0.5, scores=[0.5] * 10), "constant_score_share",
                    "scores"),
    "repeated_rows": (copied("slim_requests", 0.5), "repeat_share", "slim_requests"),
    "sample_ratio": (copied("slim_requests", 0.5, arm="explore"), "exploration_gap",
                     "exploration"),
    "latency": (copied("slim_requests", 0.9, latency_ms=30.0), "latency_shift", "latency_ms"),
}  # fmt: skip


@pytest.mark.parametrize("audit", sorted(FAULTS))
def test_each_fault_is_found_with_its_subject(audit: str) -> None:
    fault, metric, subject = FAULTS[audit]
    assert (metric, subject) in {(found.metric, found.subject) for found in found_by(audit, fault)}


def test_a_roll_out_without_a_control_is_found() -> None:
    canary = copied("slim_requests", 0.5, roll_out_id="ro-1", roll_out_arm="canary")
    found = found_by("sample_ratio", canary)
    assert ("roll_out_gap", {}) in [
        (one.metric, one.slice) for one in found if one.subject == "roll_out:ro-1"
    ]


def test_one_member_of_a_roll_out_is_one_member_however_much_it_asks() -> None:
    def crowded(lake: DuckDbLake, rng: np.random.Generator) -> None:
        copy_rows(lake, "slim_requests", WINDOW, share=0.5, rng=rng, roll_out_id="ro-1",
                  roll_out_arm="canary", member="p-robot", member_known=True)  # fmt: skip

    assert not [one for one in found_by("sample_ratio", crowded) if one.metric == "roll_out_gap"]


def heavy_share(*, busy_before: bool) -> list[CheckDocument]:
    """What is found of a member with half of a day's requests, against two days before it."""
    day_before = Window(REFERENCE.start - timedelta(days=1), REFERENCE.start)
    asked = make_context(window=WINDOW, reference=Window(day_before.start, REFERENCE.end))
    rng = np.random.default_rng(6)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(100, rng)
        for window in (day_before, REFERENCE, WINDOW):
            write_day(lake, Day(window), items, rng)
            if busy_before or window is WINDOW:
                copy_rows(lake, "slim_requests", window, share=0.9, rng=rng, member="p-heavy")
        audit = find_audit("member_concentration")
        judgement = judge_rows(audit, lake.run(audit.render(asked)), context=asked)
    assert judgement.status == "judged"
    return [one for one in judgement.findings if one.p_value < 0.01]


def test_a_member_that_was_busy_before_is_no_robot() -> None:
    assert heavy_share(busy_before=True) == []


def test_a_member_that_becomes_busy_all_at_once_is_one() -> None:
    [found] = heavy_share(busy_before=False)
    assert (found.metric, found.evidence["members"]) == ("heavy_member_share", 1.0)
    assert found.effect == pytest.approx(0.9 / 1.9, abs=0.02)


def test_an_empty_slate_is_found() -> None:
    found = found_by("empty_slates", copied("slim_requests", 0.5, shown=[], scores=[]))
    assert ("empty_slate_share", "slate") in {(one.metric, one.subject) for one in found}


def test_a_surface_that_lost_its_part_of_the_requests_is_found_as_a_slice() -> None:
    day = Day(WINDOW, surface_shares={"home": 0.3, "search": 0.7})
    found = found_by("day_volume", nothing, day=day)
    assert [dict(one.slice) for one in found] == [{"surface": "home"}]
