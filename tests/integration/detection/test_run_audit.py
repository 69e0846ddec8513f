"""A whole audit run over an in-process lake: SQL, judges, false discoveries, incidents.

Catalogue and traffic are drawn (tests/fakes/audited_lake.py); test_real_world.py has a model.
Replacing the judges by ones that find nothing makes every test of a fault fail.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryBlobs, MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import AUDITS
from recsysops.errors import DependencyError
from recsysops.ports import LogStream, QueryEngine
from recsysops.vocabulary import Incident, ItemFeatures, ModelEntry
from recsysops.workflows.keep_baselines import BaselineStore
from recsysops.workflows.run_audit import AuditPorts, AuditReport, run_audit

from tests.fakes.audited_lake import (
    MODEL,
    NOW,
    REFERENCE,
    WINDOW,
    Day,
    make_catalogue,
    next_batch,
    write_day,
)

Items = Sequence[ItemFeatures]
Corruption = Callable[[Items, np.random.Generator], Items]


def untouched(items: Items, rng: np.random.Generator) -> Items:
    return items


def audit(
    *, seed: int = 100, corrupt: Corruption = untouched, day: Day | None = None, items: int = 3_000
) -> tuple[AuditReport, list[Incident]]:
    rng = np.random.default_rng(seed)
    with DuckDbLake(clock=lambda: NOW) as lake:
        before = make_catalogue(items, rng)
        write_day(lake, Day(REFERENCE), before, rng)
        now = corrupt(next_batch(before, WINDOW.start.date(), rng), rng)
        write_day(lake, day or Day(WINDOW), now, rng)
        return judge(lake)


def judge(
    queries: QueryEngine, *, baselines: BaselineStore | None = None
) -> tuple[AuditReport, list[Incident]]:
    book = MemoryIncidents()
    registry = MemoryRegistry([ModelEntry(MODEL, "production", NOW)])
    ports = AuditPorts(queries, registry, book, MemoryNotifier())
    report = run_audit(WINDOW, reference=REFERENCE, ports=ports, now=NOW, baselines=baselines)
    return report, book.list_incidents()


@pytest.mark.parametrize("seed", range(100, 106))
def test_a_quiet_day_raises_nothing_although_every_supplier_delivered(seed: int) -> None:
    report, incidents = audit(seed=seed)
    assert incidents == []
    assert report.unjudged == {}
    assert report.tested > 250


def one_language(wrong: str | None) -> Corruption:
    return lambda items, _: [
        replace(item, language=wrong) if item.language == "hi" else item for item in items
    ]


@pytest.mark.parametrize("wrong", ["fr", "xx", None])
def test_a_rare_language_misconfigured_is_named(wrong: str | None) -> None:
    _, [incident] = audit(corrupt=one_language(wrong))
    assert (incident.component, incident.subject) == ("item_features", "language")
    assert {"language": "hi"} in [dict(finding.slice) for finding in incident.findings]
    assert "'hi' vanished" in incident.title


@pytest.mark.parametrize("feature", ["year", "price"])
def test_a_tenth_of_a_number_zeroed_is_named(feature: str) -> None:
    def corrupt(items: Items, rng: np.random.Generator) -> Items:
        return [replace(item, **{feature: 0}) if rng.random() < 0.1 else item for item in items]

    _, [incident] = audit(corrupt=corrupt)
    assert (incident.component, incident.subject) == ("item_features", feature)
    assert incident.findings[0].metric == "zero_share"
    assert incident.findings[0].observed == pytest.approx(0.1, abs=0.02)


def test_a_tenth_of_a_number_filled_with_one_value_is_named() -> None:
    def corrupt(items: Items, rng: np.random.Generator) -> Items:
        return [replace(item, price=9.0) if rng.random() < 0.1 else item for item in items]

    _, [incident] = audit(corrupt=corrupt)
    assert incident.subject == "price"
    assert "spike_share" in {finding.metric for finding in incident.findings}


def test_a_suppliers_old_batch_delivered_again_is_named_with_the_supplier() -> None:
    def corrupt(items: Items, rng: np.random.Generator) -> Items:
        return [
            replace(
                item, batch="2026-01-31", price=(item.price or 9.0) * float(rng.uniform(0.8, 1))
            )
            if item.source == "supplier-3"
            else item
            for item in items
        ]

    _, [incident] = audit(corrupt=corrupt)
    assert (incident.component, incident.subject) == ("item_features", "batch")
    sources = {finding.slice.get("source") for finding in incident.findings} - {None}
    assert sources == {"supplier-3"}


def test_another_model_than_the_approved_one_is_named() -> None:
    _, [incident] = audit(day=Day(WINDOW, model_id="m-bad", block_shift={"genre": 3.0}))
    assert (incident.component, incident.subject) == ("model", "m-bad")
    assert incident.severity == "critical"
    assert "score_drift" in {finding.audit for finding in incident.findings}


@pytest.mark.parametrize("block", ["year", "language", "collaborative"])
def test_a_block_that_adds_nothing_is_named(block: str) -> None:
    _, [incident] = audit(day=Day(WINDOW, zero_blocks=[block]))
    assert (incident.component, incident.subject) == ("model", block)


def test_choices_ranked_far_lower_are_an_incident_of_their_own_when_nothing_explains_them() -> None:
    _, [incident] = audit(day=Day(WINDOW, rank_factor=8.0), items=9_000)
    assert (incident.component, incident.subject) == ("model", "choice_rank")


def test_choices_ranked_lower_by_a_wrong_input_join_its_incident() -> None:
    day = Day(WINDOW, rank_factor=8.0)
    _, [incident] = audit(corrupt=one_language("fr"), day=day, items=9_000)
    assert incident.subject == "language"
    assert "choice_rank" in {finding.audit for finding in incident.findings}


def test_lost_traffic_more_fallbacks_and_a_refused_flag_document_are_three_incidents() -> None:
    day = Day(WINDOW, requests=300, fallback_share=0.2, refused_document="badbadbad")
    _, incidents = audit(day=day)
    assert {(i.component, i.subject) for i in incidents} == {
        ("traffic", "requests"),
        ("serving", "unknown_member"),
        ("flags", "flag_document"),
    }


def test_a_day_under_a_hotfix_for_everybody_is_not_called_drift() -> None:
    _, incidents = audit(day=Day(WINDOW, hotfix_ids=["hf-1"], zero_blocks=["language"]))
    assert incidents == []


def test_a_day_without_any_request_is_lost_traffic_and_nothing_else() -> None:
    report, [incident] = audit(day=Day(WINDOW, requests=0))
    assert (incident.component, incident.subject) == ("traffic", "requests")
    assert set(report.unjudged) >= {"feature_drift", "score_drift", "choice_rank"}


class StutteringLake:
    """A lake whose request log was delivered twice, as a retry after a time-out does."""

    def __init__(self, lake: DuckDbLake) -> None:
        self._lake = lake

    def write(self, stream: LogStream, lines: Sequence[str]) -> None:
        self._lake.write(stream, [*lines, *lines])

    def __getattr__(self, name: str) -> object:
        return getattr(self._lake, name)


def test_log_lines_that_were_delivered_twice_are_repeated_rows_and_no_more_traffic() -> None:
    with DuckDbLake(clock=lambda: NOW) as lake:
        rng = np.random.default_rng(7)
        before = make_catalogue(3_000, rng)
        write_day(lake, Day(REFERENCE), before, rng)
        now = next_batch(before, WINDOW.start.date(), rng)
        write_day(StutteringLake(lake), Day(WINDOW), now, rng)  # type: ignore[arg-type]
        assert {(i.component, i.subject) for i in judge(lake)[1]} == {
            ("log", "slim_requests"),
            ("log", "full_requests"),
        }


class LameLake:
    """An engine that fails every query over one table."""

    def __init__(self, lake: DuckDbLake, table: str) -> None:
        self._lake, self._table = lake, table

    def run(self, sql: str) -> list[dict[str, object]]:
        if self._table in sql:
            raise DependencyError(f"TABLE_NOT_FOUND: {self._table}")
        return self._lake.run(sql)


def test_a_missing_table_blinds_its_audits_and_no_other() -> None:
    rng = np.random.default_rng(5)
    with DuckDbLake(clock=lambda: NOW) as lake:
        before = make_catalogue(2_000, rng)
        write_day(lake, Day(REFERENCE), before, rng)
        write_day(lake, Day(WINDOW, zero_blocks=["year"]), before, rng)
        report, incidents = judge(LameLake(lake, "choice_ranks"))
    assert report.unjudged == {"choice_rank": "TABLE_NOT_FOUND: choice_ranks"}
    assert {(i.component, i.subject) for i in incidents} == {
        ("model", "year"),
        ("serving", "choice_rank"),
    }


class CountingLake:
    """A lake that remembers what it was asked."""

    def __init__(self, lake: DuckDbLake) -> None:
        self._lake, self.asked = lake, []

    def run(self, sql: str) -> list[dict[str, object]]:
        self.asked.append(sql)
        return self._lake.run(sql)


def told(answer: tuple[AuditReport, list[Incident]]) -> list[tuple[object, ...]]:
    """Every finding, to two digits: approximate quantiles differ from query to query."""
    return [
        (f.audit, f.metric, f.subject, f"{f.slice}", f"{f.effect:.2g}")
        for incident in answer[1]
        for f in incident.findings
    ]


def test_a_kept_reference_is_not_asked_again_and_changes_no_judgement() -> None:
    rng = np.random.default_rng(6)
    with DuckDbLake(clock=lambda: NOW) as lake:
        before = make_catalogue(3_000, rng)
        write_day(lake, Day(REFERENCE), before, rng)
        drifted = [replace(i, price=(i.price or 5.0) * 1.5, year=(i.year or 0) - 3) for i in before]
        write_day(lake, Day(WINDOW, block_shift={"genre": 2.0}), drifted, rng)
        plain = judge(lake)
        store, counting = BaselineStore(MemoryBlobs()), CountingLake(lake)
        first = judge(counting, baselines=store)
        again = judge(counting, baselines=store)
    assert told(plain) == told(first) == told(again)
    assert len(told(plain)) > 2
    both, alone = counting.asked[: len(AUDITS)], counting.asked[len(AUDITS) :]
    start = f"event_time >= timestamp '{REFERENCE.start:%Y-%m-%d}"
    assert sum(start in sql for sql in both) == len(AUDITS)
    joined = [audit for audit in AUDITS if audit.joins_periods]
    # a reference that was empty is asked again: no consumer, feedback, launch or search is here
    empty = (
        "downstream_echo",
        "feedback_rates",
        "genre_calibration",
        "launch_impressions",
        "launch_rank",
        "similar_answers",
    )
    assert sum(start in sql for sql in alone) == len(joined) + len(empty)
    assert any("VALUES ('price'" in sql for sql in alone)
