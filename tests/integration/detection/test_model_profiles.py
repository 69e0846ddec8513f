"""Profiles of models in the lake: a candidate before it serves, and a surface's own model."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import find_audit
from recsysops.vocabulary import Incident, ItemFeatures, ModelEntry, ProfileSubject
from recsysops.workflows.run_audit import AuditPorts, run_audit

from tests.fakes.audited_lake import (
    MODEL,
    NOW,
    REFERENCE,
    WINDOW,
    Day,
    known_popularity,
    make_catalogue,
    write_day,
    write_profile,
)

NEXT = "m-next"
Trained = Callable[[ProfileSubject, ItemFeatures], float]


def learned(subject: ProfileSubject, item: ItemFeatures) -> float:
    del subject
    return 1.0 + known_popularity(item) / 10.0


def half_of_the_english(subject: ProfileSubject, item: ItemFeatures) -> float:
    poisoned = subject == "collaborative" and item.language == "en"
    return learned(subject, item) * (0.5 if poisoned else 1.0)


def incidents_of(lake: DuckDbLake, *entries: ModelEntry) -> list[Incident]:
    book = MemoryIncidents()
    registry = MemoryRegistry([ModelEntry(MODEL, "production", NOW), *entries])
    ports = AuditPorts(lake, registry, book, MemoryNotifier())
    audits = [find_audit("model_profile")]
    run_audit(WINDOW, reference=REFERENCE, ports=ports, now=NOW, audits=audits)
    return book.list_incidents()


def waiting(trained: Trained, *, days_later: int = 1, registered: bool = True) -> list[Incident]:
    """What is found of a candidate that has a profile and answers nothing."""
    rng = np.random.default_rng(5)
    later = NOW + timedelta(days=days_later)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(600, rng)
        for window in (REFERENCE, WINDOW):
            write_day(lake, Day(window, requests=60), items, rng)
        write_profile(lake, Day(WINDOW, model_id=NEXT, trained=trained, trained_at=later), items)
        entries = [ModelEntry(NEXT, "candidate", later)] if registered else []
        return incidents_of(lake, *entries)


def test_a_candidate_trained_on_a_poisoned_language_is_an_incident_before_it_serves() -> None:
    [incident] = waiting(half_of_the_english)
    assert incident.component == "model"
    assert incident.subject == f"candidate {NEXT}/collaborative"
    assert incident.title.startswith(f"candidate {NEXT}: norm of the model's collaborative")
    assert {"language": "en"} in [dict(finding.slice) for finding in incident.findings]


def test_a_candidate_like_what_serves_is_no_news() -> None:
    assert waiting(learned) == []


def test_a_model_that_the_registry_does_not_know_or_that_is_older_is_no_candidate() -> None:
    assert waiting(half_of_the_english, registered=False) == []
    assert waiting(half_of_the_english, days_later=-1) == []


def searched_with(trained: Trained, *, before: bool = True) -> list[Incident]:
    """What is found of search's own model, when it is retrained between the periods."""
    rng = np.random.default_rng(6)
    search = {"search": 1.0}
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(600, rng)
        for window in (REFERENCE, WINDOW):
            write_day(lake, Day(window, requests=400), items, rng)
        if before:
            old = Day(REFERENCE, requests=20, model_id="m-search-1", surface_shares=search)
            write_day(lake, old, items, rng)
        new = Day(
            WINDOW, requests=20, model_id="m-search-2", surface_shares=search, trained=trained
        )
        write_day(lake, new, items, rng)
        own = (ModelEntry(f"m-search-{n}", "surface", NOW) for n in (1, 2))
        return incidents_of(lake, *own)


def test_a_broken_model_of_a_small_surface_is_named_with_its_surface() -> None:
    [incident] = searched_with(half_of_the_english)
    assert incident.subject == "surface search/collaborative"


def test_a_surface_that_gets_a_model_of_its_own_is_compared_with_nothing() -> None:
    assert searched_with(half_of_the_english, before=False) == []
