"""Audits of slates, plays and exposure in the lake: each fault is named, exchangeable days are not.

Slates are drawn by the tests themselves; the numbers of two audits are held against an oracle.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import Distribution, read_distributions
from recsysops.detection.context import make_context
from recsysops.vocabulary import Incident, ModelEntry
from recsysops.workflows.run_audit import AuditPorts, run_audit

from tests.fakes.audited_lake import MODEL, NOW, REFERENCE, WINDOW, make_catalogue
from tests.fakes.slates import Answer, write_slates

REQUESTS = 1_500
SLATE = 8
MEMBERS = 200
Corruption = Callable[[Answer, np.random.Generator], Answer]
ITEMS = make_catalogue(600, np.random.default_rng(4))
IDS = [item.item_id for item in ITEMS]
BY_GENRE = {
    genre: [item.item_id for item in ITEMS if genre in item.genres]
    for genre in ("Action", "Drama", "Horror", "War")
}


def tell(lake: DuckDbLake, audit: str) -> list[Distribution]:
    context = make_context(window=WINDOW, reference=REFERENCE)
    return read_distributions(lake.run(find_audit(audit).render(context)))


def incidents_of(lake: DuckDbLake, *audits: str) -> list[Incident]:
    book = MemoryIncidents()
    registry = MemoryRegistry([ModelEntry(MODEL, "production", NOW)])
    ports = AuditPorts(lake, registry, book, MemoryNotifier())
    chosen = [find_audit(name) for name in audits]
    run_audit(WINDOW, reference=REFERENCE, ports=ports, now=NOW, audits=chosen)
    return book.list_incidents()


def draw_answers(rng: np.random.Generator, count: int = REQUESTS) -> list[Answer]:
    """Slates of what the member likes; now and then it plays one of them, near the top."""
    places = 1.0 / np.arange(1, SLATE + 1) ** 0.6
    answers = []
    for _ in range(count):
        member = int(rng.integers(MEMBERS))
        liked = list(BY_GENRE.values())[member % len(BY_GENRE)]
        shown = [liked[place] for place in rng.choice(len(liked), SLATE, replace=False)]
        played = [item for item, p in zip(shown, 0.25 * places, strict=True) if rng.random() < p]
        surface = "search" if rng.random() < 0.4 else "home"
        answers.append(Answer(shown, played, f"p{member}", surface))
    return answers


def judged(
    *audits: str, corrupt: Corruption | None = None, seed: int = 31, items: Sequence[object] = ()
) -> list[Incident]:
    """Two days of drawn answers, the second of them corrupted."""
    rng = np.random.default_rng(seed)
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_slates(lake, REFERENCE, ITEMS, draw_answers(rng))
        answers = draw_answers(rng)
        if corrupt is not None:
            answers = [corrupt(answer, rng) for answer in answers]
        write_slates(lake, WINDOW, ITEMS, answers)
        return incidents_of(lake, *audits)


def launched(*, held_back: Callable[[str], bool] | None = None, seed: int = 41) -> list[Incident]:
    """Forty launches on either day, shown at random; some of the second day's are held back."""
    rng = np.random.default_rng(seed)
    days = (REFERENCE.start.date(), WINDOW.start.date())
    items = [
        replace(item, launch_date=days[n // 40]) if n < 80 else item for n, item in enumerate(ITEMS)
    ]
    with DuckDbLake(clock=lambda: NOW) as lake:
        for window, first in ((REFERENCE, 0), (WINDOW, 40)):
            out = [
                i
                for i in items[first : first + 40]
                if not (first and held_back and held_back(i.source))
            ]
            answers = [
                Answer([*rng.choice([i.item_id for i in out], 4, replace=False), *IDS[80:84]])
                for _ in range(400)
            ]
            write_slates(lake, window, items, answers)
        return incidents_of(lake, "launch_impressions")


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_launches_that_are_shown_as_soon_as_those_before_them_are_quiet(seed: int) -> None:
    assert launched(seed=seed) == []


def test_launches_that_wait_longer_than_their_peers_are_named_one_by_one() -> None:
    held = {"supplier-1", "supplier-3", "supplier-5", "supplier-6", "supplier-7", "supplier-8"}
    [incident] = launched(held_back=lambda source: source in held)
    assert (incident.component, incident.subject) == ("items", "launches")
    [finding, *_] = incident.findings
    assert finding.metric == "impressions_delay"
    # the hours of those that were never shown, none of those that were
    hours = finding.evidence["hours_waiting"]
    assert len(hours) == 10
    sources = {item.item_id: item.source for item in ITEMS}
    assert {sources[item_id] for item_id in hours} <= held
    assert set(hours.values()) == {24.0}


def test_a_shop_without_launches_waits_for_none() -> None:
    assert judged("launch_impressions") == []


ALL = (
    "catalogue_coverage",
    "genre_calibration",
    "slate_spread",
    "slate_quality",
    "expected_plays",
    "item_exposure",
)


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_two_days_of_the_same_slates_are_quiet(seed: int) -> None:
    assert judged(*ALL, seed=seed) == []


def test_coverage_is_the_chance_of_an_item_to_be_in_a_draw_of_the_day() -> None:
    with DuckDbLake(clock=lambda: NOW) as lake:
        # 300 x 8 slots: two items in every slate, the others one after the other
        answers = [
            Answer([*IDS[:2], *(IDS[2 + (6 * n + k) % 90] for k in range(6))]) for n in range(300)
        ]
        for window in (REFERENCE, WINDOW):
            write_slates(lake, window, ITEMS, answers)
        whole = next(one for one in tell(lake, "catalogue_coverage") if not one.slice)
    shown = [300] * 2 + [20] * 90
    expected = sum(1.0 - (1.0 - 2_000 / 2_400) ** n for n in shown)
    assert whole.window.values.sum() == pytest.approx(expected)
    assert whole.window.weights.sum() == len(ITEMS)


def test_a_day_of_twice_the_traffic_covers_no_more_of_the_catalogue() -> None:
    rng = np.random.default_rng(8)
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_slates(lake, REFERENCE, ITEMS, draw_answers(rng, 600))
        write_slates(lake, WINDOW, ITEMS, draw_answers(rng, 1_200))
        whole = next(one for one in tell(lake, "catalogue_coverage") if not one.slice)
    before, now = (side.values.sum() for side in (whole.reference, whole.window))
    assert now / before == pytest.approx(1.0, abs=0.03)


def test_a_cache_that_gives_a_surface_one_slate_is_named_with_the_surface() -> None:
    def cached(answer: Answer, _: np.random.Generator) -> Answer:
        return replace(answer, shown=IDS[:SLATE]) if answer.surface == "search" else answer

    [incident] = judged("catalogue_coverage", corrupt=cached)
    assert (incident.component, incident.subject) == ("items", "catalogue")
    assert {"surface": "search"} in [dict(finding.slice) for finding in incident.findings]


def test_divergence_of_a_slate_from_what_was_played_is_steck_s() -> None:
    genres = [("Action",), ("Drama",), ("Action", "War"), ("Drama",)]
    items = [replace(item, genres=one) for item, one in zip(ITEMS, genres, strict=False)]
    answer = Answer([item.item_id for item in items[:2]], [items[2].item_id])
    with DuckDbLake(clock=lambda: NOW) as lake:
        for window in (REFERENCE, WINDOW):
            write_slates(lake, window, items, [answer])
        whole = next(one for one in tell(lake, "genre_calibration") if not one.slice)
    # played: half Action, half War; shown: half Action, half Drama
    smoothed = (0.99 * 0.5 + 0.01 * 0.5, 0.01 * 0.5)
    expected = sum(0.5 * math.log(0.5 / q) for q in smoothed)
    assert whole.window.values.sum() == pytest.approx(expected)


def test_slates_that_went_to_other_members_are_told_by_the_genres_they_play() -> None:
    def mixed_up(answer: Answer, rng: np.random.Generator) -> Answer:
        return replace(answer, shown=draw_answers(rng, 1)[0].shown)

    [incident] = judged("genre_calibration", corrupt=mixed_up)
    assert (incident.component, incident.subject) == ("model", "genres")
    assert incident.findings[0].metric == "miscalibration"
