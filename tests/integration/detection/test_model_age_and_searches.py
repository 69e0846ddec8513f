"""Audits of models' age and of searches for similar items, in the lake."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import find_audit
from recsysops.vocabulary import Incident, ModelEntry
from recsysops.workflows.run_audit import AuditPorts, run_audit

from tests.fakes.audited_lake import MODEL, NOW, REFERENCE, WINDOW, Day, make_catalogue, write_day
from tests.fakes.searches import write_searches


def incidents_of(lake: DuckDbLake, audit: str) -> list[Incident]:
    book = MemoryIncidents()
    registry = MemoryRegistry([ModelEntry(MODEL, "production", NOW)])
    ports = AuditPorts(lake, registry, book, MemoryNotifier())
    run_audit(WINDOW, reference=REFERENCE, ports=ports, now=NOW, audits=[find_audit(audit)])
    return book.list_incidents()


def served_by_a_model_of(trained_at: datetime) -> list[Incident]:
    rng = np.random.default_rng(5)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(60, rng)
        for window in (REFERENCE, WINDOW):
            write_day(lake, Day(window, requests=60, trained_at=trained_at), items, rng)
        return incidents_of(lake, "model_age")


def test_a_model_that_was_not_trained_for_three_weeks_is_named() -> None:
    [incident] = served_by_a_model_of(WINDOW.start - timedelta(days=21))
    assert (incident.component, incident.subject) == ("model", MODEL)
    assert incident.findings[0].observed == pytest.approx(21.5, abs=0.6)


def test_a_model_of_last_week_is_young_enough() -> None:
    assert served_by_a_model_of(WINDOW.start - timedelta(days=8)) == []


def test_an_old_model_of_a_surface_with_a_hundredth_of_the_requests_is_named() -> None:
    rng = np.random.default_rng(5)
    old = WINDOW.start - timedelta(days=30)
    own = Day(WINDOW, requests=4, model_id="m-kids", surface_shares={"kids": 1.0}, trained_at=old)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(60, rng)
        for window in (REFERENCE, WINDOW):
            write_day(lake, Day(window, requests=400), items, rng)
        write_day(lake, own, items, rng)
        [incident] = incidents_of(lake, "model_age")
    assert (incident.subject, incident.findings[0].slice) == ("m-kids", {"surface": "kids"})


def searched(*, empty: int = 0, failed: int = 0) -> list[Incident]:
    """The reference's searches find something; of the window's, so many do not."""
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_searches(lake, REFERENCE)
        write_searches(lake, WINDOW, empty=empty, failed=failed)
        return incidents_of(lake, "similar_answers")


def test_searches_that_find_nothing_are_an_incident_and_a_few_are_not() -> None:
    [incident] = searched(empty=100)
    assert (incident.component, incident.subject) == ("serving", "similar")
    assert incident.findings[0].metric == "empty_search_share"
    assert searched(empty=8) == []


def test_searches_that_fail_are_told_by_their_own_share() -> None:
    [incident] = searched(failed=100)
    assert incident.findings[0].metric == "failed_search_share"


def test_a_shop_that_nobody_searches_is_no_incident() -> None:
    with DuckDbLake(clock=lambda: NOW) as lake:
        assert incidents_of(lake, "similar_answers") == []
