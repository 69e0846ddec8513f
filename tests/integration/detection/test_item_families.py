"""Audits over items, in the lake: each names its own fault, and a quiet night is quiet.

Catalogue and traffic are drawn (tests/fakes/audited_lake.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
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
    next_batch,
    write_day,
)

Items = Sequence[ItemFeatures]
Corruption = Callable[[Items], Items]
SEED = 1_200


def incidents_of(
    corrupt: Corruption, *, day: Day | None = None, before_it: Day | None = None
) -> list[Incident]:
    rng = np.random.default_rng(SEED)
    with DuckDbLake(clock=lambda: NOW) as lake:
        before = launch_some(make_catalogue(3_000, rng))
        write_day(lake, before_it or Day(REFERENCE), before, rng)
        now = corrupt(next_batch(before, WINDOW.start.date(), rng))
        write_day(lake, day or Day(WINDOW), now, rng)
        book = MemoryIncidents()
        approved = day.model_id if day else MODEL
        registry = MemoryRegistry([ModelEntry(approved, "production", NOW)])
        ports = AuditPorts(lake, registry, book, MemoryNotifier())
        run_audit(WINDOW, reference=REFERENCE, ports=ports, now=NOW)
        return book.list_incidents()


def launch_some(items: Items) -> Items:
    """Sixty items launch in the days around the window."""
    first = WINDOW.start.date() - timedelta(days=3)
    return [
        replace(item, launch_date=first + timedelta(days=number % 12)) if number < 60 else item
        for number, item in enumerate(items)
    ]


def slices_of(incident: Incident) -> list[dict[str, str]]:
    return [dict(finding.slice) for finding in incident.findings]


def test_a_quiet_night_with_launches_is_quiet() -> None:
    assert incidents_of(lambda items: items) == []


def test_a_supplier_that_is_missing_is_one_incident_with_its_name() -> None:
    [incident] = incidents_of(lambda items: [i for i in items if i.source != "supplier-3"])
    assert (incident.component, incident.subject) == ("upstream", "catalogue")
    assert {"source": "supplier-3"} in slices_of(incident)


def test_a_lost_partition_is_no_drift_of_the_features_that_went_with_it() -> None:
    [incident] = incidents_of(lambda items: [i for i in items if i.language != "ja"])
    assert incident.subject == "catalogue"
    assert {"language": "ja"} in slices_of(incident)


def test_a_language_that_was_renamed_is_no_lost_partition() -> None:
    def rename(items: Items) -> Items:
        return [replace(i, language="fr") if i.language == "ja" else i for i in items]

    [incident] = incidents_of(rename)
    assert (incident.component, incident.subject) == ("item_features", "language")
    assert "catalogue_size" not in {finding.audit for finding in incident.findings}


def test_swapped_columns_are_named_by_the_feature_that_cannot_be() -> None:
    def swap(items: Items) -> Items:
        return [
            replace(i, year=round(i.price), price=float(i.year))
            if i.source == "supplier-2" and i.price and i.year
            else i
            for i in items
        ]

    incidents = incidents_of(swap)
    assert {(i.component, i.subject) for i in incidents} == {
        ("item_features", "year"),
        ("item_features", "price"),
    }
    assert all("out_of_range_share" in {f.metric for f in i.findings} for i in incidents)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_supplier_that_changed_its_unit_is_named(factor: float) -> None:
    def scale(items: Items) -> Items:
        return [
            replace(i, price=i.price * factor) if i.price and i.source == "supplier-4" else i
            for i in items
        ]

    [incident] = incidents_of(scale)
    assert (incident.component, incident.subject) == ("item_features", "price")
    assert {"source": "supplier-4"} in slices_of(incident)


def test_half_of_the_launches_without_metadata_are_one_incident() -> None:
    def strip(items: Items) -> Items:
        return [
            replace(i, genres=(), year=None, language=None)
            if i.launch_date is not None and int(i.item_id[2:]) % 2
            else i
            for i in items
        ]

    [incident] = incidents_of(strip)
    assert (incident.component, incident.subject) == ("item_features", "launch_metadata")
    [finding, *_] = incident.findings
    assert finding.observed == pytest.approx(0.5, abs=0.1)
    assert finding.evidence["missing"] == pytest.approx(
        {"genres": finding.observed, "year": finding.observed, "language": finding.observed},
        abs=1e-3,
    )


@pytest.mark.parametrize(
    "corrupt", [lambda _: 0.0, lambda _: 2.0, lambda x: x - np.log(100.0)], ids=["0", "2", "÷100"]
)
def test_a_tenth_of_the_learned_feature_corrupted_is_named(
    corrupt: Callable[[float], float],
) -> None:
    def popularity(item: ItemFeatures) -> float:
        known = known_popularity(item)
        return float(corrupt(known)) if int(item.item_id[2:]) % 10 == 0 else known

    [incident] = incidents_of(lambda items: items, day=Day(WINDOW, popularity=popularity))
    assert (incident.component, incident.subject) == ("item_features", "log_popularity")


def test_a_busier_day_lifts_all_popularity_alike_and_is_no_drift() -> None:
    def popularity(item: ItemFeatures) -> float:
        return known_popularity(item) + 0.4

    assert incidents_of(lambda items: items, day=Day(WINDOW, popularity=popularity)) == []


def test_half_a_catalogue_that_decays_into_the_smoothing_is_a_quiet_day() -> None:
    # few plays, soon forgotten: in a real lake 46 % of the items were at the bottom, then 52 %
    def aged(decay: float) -> Callable[[ItemFeatures], float]:
        def popularity(item: ItemFeatures) -> float:
            plays = np.exp(8.0 * (known_popularity(item) - 2.0)) * decay
            return float(np.float32(np.log(plays + 0.1)))

        return popularity

    before, now = Day(REFERENCE, popularity=aged(0.1)), Day(WINDOW, popularity=aged(0.02))
    assert incidents_of(lambda items: items, day=now, before_it=before) == []


def test_a_model_trained_on_a_poisoned_segment_is_one_incident_that_names_it() -> None:
    def trained(subject: ProfileSubject, item: ItemFeatures) -> float:
        poisoned = subject == "training_plays" and "War" in item.genres
        return (1.0 + known_popularity(item) / 10.0) * (3.0 if poisoned else 1.0)

    [incident] = incidents_of(
        lambda items: items, day=Day(WINDOW, model_id="m-next", trained=trained)
    )
    assert (incident.component, incident.subject) == ("model", "training_plays")
    assert {"genre": "War"} in slices_of(incident)


def test_a_model_that_took_a_tenth_of_the_years_for_missing_is_named() -> None:
    def trained(subject: ProfileSubject, item: ItemFeatures) -> float:
        missing = subject == "year" and int(item.item_id[2:]) % 10 == 0
        return 0.0 if missing else 1.0 + known_popularity(item) / 10.0

    [incident] = incidents_of(
        lambda items: items, day=Day(WINDOW, model_id="m-next", trained=trained)
    )
    assert (incident.component, incident.subject) == ("model", "year")
    assert incident.findings[0].observed == pytest.approx(0.1, abs=0.01)


def test_requests_that_come_out_differently_name_the_block_that_was_served_otherwise() -> None:
    [incident] = incidents_of(lambda items: items, day=Day(WINDOW, differing_share=0.2))
    assert (incident.component, incident.subject) == ("serving", "year")
    assert {f.metric for f in incident.findings} == {"block_differs_share", "replay_differs_share"}
