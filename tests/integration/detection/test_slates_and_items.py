"""Audits of slates, plays and exposure in the lake: each fault is named, exchangeable days are not.

Slates are drawn by the tests themselves; the numbers of two audits are held against an oracle.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import MemoryIncidents, MemoryNotifier, MemoryRegistry
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import Distribution, read_distributions
from recsysops.detection.context import make_context
from recsysops.vocabulary import Incident, ModelEntry, Window
from recsysops.workflows.run_audit import AuditPorts, run_audit

from tests.fakes.audited_lake import MODEL, NOW, REFERENCE, WINDOW, known_popularity, make_catalogue
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


def tell(lake: DuckDbLake, audit: str, *, reference: Window = REFERENCE) -> list[Distribution]:
    context = make_context(window=WINDOW, reference=reference)
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


def judged(*audits: str, corrupt: Corruption | None = None, seed: int = 31) -> list[Incident]:
    """Two days of drawn answers, the second of them corrupted."""
    rng = np.random.default_rng(seed)
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_slates(lake, REFERENCE, ITEMS, draw_answers(rng))
        answers = draw_answers(rng)
        if corrupt is not None:
            answers = [corrupt(answer, rng) for answer in answers]
        write_slates(lake, WINDOW, ITEMS, answers)
        return incidents_of(lake, *audits)


def launched(
    audit: str = "launch_impressions",
    *,
    held_back: Callable[[str], bool] | None = None,
    seed: int = 41,
) -> list[Incident]:
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
        return incidents_of(lake, audit)


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


@pytest.mark.parametrize("audit", ["genre_calibration", "slate_quality", "expected_plays"])
def test_a_day_that_a_hotfix_changed_on_purpose_is_left_out_without_complaint(audit: str) -> None:
    def mixed_up_on_purpose(answer: Answer, rng: np.random.Generator) -> Answer:
        other = draw_answers(rng, 1)[0].shown
        return replace(answer, shown=other, hotfix_ids=["hf-1"])

    assert judged(audit, corrupt=mixed_up_on_purpose) == []


def test_slates_that_are_played_half_as_often_are_told_and_so_are_plays_further_down() -> None:
    def half_played(answer: Answer, rng: np.random.Generator) -> Answer:
        return answer if rng.random() < 0.5 else replace(answer, played=())

    def turned_round(answer: Answer, _: np.random.Generator) -> Answer:
        return replace(answer, shown=answer.shown[::-1])

    for corrupt, metric in ((half_played, "hit_share"), (turned_round, "play_gain")):
        [incident] = judged("slate_quality", corrupt=corrupt)
        assert (incident.component, incident.findings[0].metric) == ("model", metric)


def test_fewer_slots_of_the_kind_that_is_played_are_told_without_any_play() -> None:
    def draw(rng: np.random.Generator, good: float) -> list[Answer]:
        """Good slates have high scores and are played five times as often."""
        answers = []
        for answer in draw_answers(rng):
            is_good = bool(rng.random() < good)
            played = [i for i in answer.shown if rng.random() < (0.25 if is_good else 0.05)]
            scores = [float(is_good) - 0.01 * place + 0.1 * rng.random() for place in range(SLATE)]
            answers.append(replace(answer, played=played, scores=scores))
        return answers

    rng = np.random.default_rng(51)
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_slates(lake, REFERENCE, ITEMS, draw(rng, 0.6))
        # the plays of the window are lost: only its slots can tell
        write_slates(lake, WINDOW, ITEMS, [replace(a, played=()) for a in draw(rng, 0.2)])
        [incident] = incidents_of(lake, "expected_plays")
    by_metric = {f.metric: f for f in incident.findings if not f.slice}
    assert by_metric["expected_plays"].observed == pytest.approx(0.2 * 0.25 + 0.8 * 0.05, abs=0.015)
    assert by_metric["calibration"].observed == 0.0


def test_alike_slots_that_are_played_half_as_often_are_badly_calibrated() -> None:
    def half_played(answer: Answer, rng: np.random.Generator) -> Answer:
        return replace(answer, played=[i for i in answer.played if rng.random() < 0.4])

    [incident] = judged("expected_plays", corrupt=half_played)
    assert {finding.metric for finding in incident.findings} == {"calibration"}


def test_slates_of_one_genre_and_of_popular_items_are_named_by_what_changed() -> None:
    only_drama = [item.item_id for item in ITEMS if item.genres == ("Drama",)]
    popular = [i.item_id for i in sorted(ITEMS, key=known_popularity)[-60:]]

    def drawn_from(ids: Sequence[str]) -> Corruption:
        return lambda answer, rng: replace(
            answer, shown=rng.choice(ids, SLATE, replace=False).tolist()
        )

    for ids, metric in ((only_drama, "genres_per_slate"), (popular, "shown_popularity")):
        [incident] = judged("slate_spread", corrupt=drawn_from(ids))
        assert metric in {finding.metric for finding in incident.findings}


def test_the_head_of_a_day_is_as_large_as_that_of_each_of_three_days() -> None:
    rng = np.random.default_rng(61)
    three_days = Window(REFERENCE.start - timedelta(days=2), REFERENCE.end)
    head = np.array([0.5 / 6] * 6 + [0.5 / 594] * 594)

    def draw(count: int) -> list[Answer]:
        return [
            Answer(rng.choice(IDS, SLATE, p=head).tolist(), member=f"p{n % MEMBERS}")
            for n in range(count)
        ]

    with DuckDbLake(clock=lambda: NOW) as lake:
        write_slates(lake, three_days, ITEMS, draw(1_800))
        write_slates(lake, WINDOW, ITEMS, draw(600))
        told = tell(lake, "slate_spread", reference=three_days)
    found = next(one for one in told if one.subject == "concentration")
    before, now = (
        side.share_of(found.places_of("top")) for side in (found.reference, found.window)
    )
    assert float(before.part.sum() / before.whole.sum()) == pytest.approx(0.5, abs=0.03)
    assert float(now.part.sum() / now.whole.sum()) == pytest.approx(0.5, abs=0.03)


def test_a_supplier_that_is_filtered_from_the_slates_is_named() -> None:
    others = [item.item_id for item in ITEMS if item.source != "supplier-3"]
    lost = {item.item_id for item in ITEMS if item.source == "supplier-3"}

    def filtered(answer: Answer, rng: np.random.Generator) -> Answer:
        shown = [str(rng.choice(others)) if i in lost else i for i in answer.shown]
        return replace(answer, shown=shown)

    [incident] = judged("item_exposure", corrupt=filtered)
    [finding, *_] = incident.findings
    assert (incident.component, finding.metric) == ("items", "exposure_loss")
    assert finding.slice == {"source": "supplier-3"}


def test_launches_that_nobody_is_shown_are_held_against_launches_of_their_age() -> None:
    [incident] = launched("item_exposure", held_back=lambda source: source < "supplier-6")
    [finding, *_] = incident.findings
    assert (finding.subject, finding.metric) == ("launches", "unexposed_launch_share")


def test_a_supplier_shown_more_than_exploration_says_it_earns_is_biased() -> None:
    """The last slot is explored, and always played; the supplier fills half of the others."""
    own = [item.item_id for item in ITEMS if item.source == "supplier-2"]

    def draw(rng: np.random.Generator, own_share: float) -> list[Answer]:
        answers = []
        for n in range(REQUESTS):
            shown = [
                str(rng.choice(own if rng.random() < own_share else IDS)) for _ in range(SLATE - 1)
            ]
            explored = str(rng.choice(IDS))
            propensities = [0.99] * (SLATE - 1) + [0.01]
            answers.append(
                Answer([*shown, explored], [explored], f"p{n % MEMBERS}", propensities=propensities)
            )
        return answers

    rng = np.random.default_rng(71)
    with DuckDbLake(clock=lambda: NOW) as lake:
        write_slates(lake, REFERENCE, ITEMS, draw(rng, 0.0))
        write_slates(lake, WINDOW, ITEMS, draw(rng, 0.5))
        [incident] = incidents_of(lake, "item_exposure")
    biased = [f for f in incident.findings if f.metric == "production_bias"]
    assert [f.slice for f in biased] == [{"source": "supplier-2"}]
