"""Who delivers simulated launches and how well: suppliers, true metadata, errors and their fixes.

Assumed, not measured: eight suppliers, each with a main language and favourite genres; error
rates from 8 to 40 % of deliveries; fixes after an exponential delay of 30 to 240 days on average
(`Hardness` multiplies both); now and then a whole batch gets the wrong language; one launch in
five is postponed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsysops.simulation.launch_worlds import Hardness
from recsysops.vocabulary import ItemFeatures

_ORDINARY = Hardness()
FIRST_DAY = date(2024, 1, 1)
GENRES = (
    *("action", "animation", "comedy", "crime", "documentary", "drama"),
    *("family", "fantasy", "horror", "romance", "science-fiction", "thriller"),
)
LANGUAGES = ("en", "es", "ko", "hi", "fr", "de", "ja", "da")
LANGUAGE_SHARES = (0.42, 0.14, 0.10, 0.10, 0.08, 0.07, 0.06, 0.03)
SIMULATED_COLUMNS = ("title", "genres", "year", "language", "price", "in_stock", "launch_date")

ErrorKind = Literal[
    "wrong_language",
    "no_language",
    "wrong_genres",
    "no_genres",
    "first_genre_only",
    "wrong_year",
    "no_year",
]
ERROR_SHARES: dict[ErrorKind, float] = {
    "wrong_language": 0.25,
    "no_language": 0.25,
    "wrong_genres": 0.06,
    "no_genres": 0.14,
    "first_genre_only": 0.10,
    "wrong_year": 0.08,
    "no_year": 0.12,
}


@dataclass(frozen=True, slots=True)
class Supplier:
    """What one supplier delivers: shares of languages and genres, how often wrong, how slowly
    repaired (days on average)."""

    name: str
    language_shares: NDArray[np.float64]
    genre_shares: NDArray[np.float64]
    error_rate: float
    mean_fix_days: float


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """One launch as fate has it: `truth` is right, `versions` (day, values) is what upstream
    delivers, `dates` (day, launch day) is what it announces; days count from FIRST_DAY."""

    truth: ItemFeatures
    versions: tuple[tuple[int, ItemFeatures], ...]
    dates: tuple[tuple[int, int], ...]
    launch_day: int
    is_release: bool

    @property
    def announced_day(self) -> int:
        """Day on which the item first shows in the items table."""
        return self.versions[0][0]


def version_on(plan: LaunchPlan, day: int) -> int:
    """Return the index of the version that is delivered on a day; -1 before the first."""
    return sum(effective <= day for effective, _ in plan.versions) - 1


def launch_day_announced_on(plan: LaunchPlan, day: int) -> int:
    """Return the launch day that upstream announces on a day."""
    known = [launch for effective, launch in plan.dates if effective <= day]
    return known[-1] if known else plan.dates[0][1]


def delivered_on(plan: LaunchPlan, day: int) -> ItemFeatures:
    """Return the item as the items table holds it on a day."""
    version = plan.versions[max(0, version_on(plan, day))][1]
    launch = FIRST_DAY + timedelta(days=launch_day_announced_on(plan, day))
    return version if version.launch_date == launch else replace(version, launch_date=launch)


def draw_suppliers(
    rng: np.random.Generator, *, count: int = 8, hardness: Hardness = _ORDINARY
) -> tuple[Supplier, ...]:
    """Draw suppliers; the first three work mostly in the first language."""
    error_rates = hardness.errors * rng.permutation(np.geomspace(0.08, 0.4, count))
    fix_days = hardness.repair_days * rng.permutation(np.geomspace(30.0, 240.0, count))
    return tuple(
        Supplier(
            name=f"supplier-{index + 1}",
            language_shares=_language_shares(rng, main=0 if index < 3 else index - 2),
            genre_shares=rng.dirichlet(np.full(len(GENRES), 0.6)),
            error_rate=float(error_rates[index]),
            mean_fix_days=float(fix_days[index]),
        )
        for index in range(count)
    )


def draw_base_item(
    rng: np.random.Generator, suppliers: tuple[Supplier, ...], *, number: int
) -> LaunchPlan:
    """Draw an item that launched long before the first day, with right metadata."""
    supplier = suppliers[int(rng.integers(len(suppliers)))]
    truth = _draw_truth(rng, supplier, number=number, day=0, is_release=False)
    return LaunchPlan(truth, ((-10_000, truth),), ((-10_000, -10_000),), -10_000, False)


def draw_launch(
    rng: np.random.Generator,
    suppliers: tuple[Supplier, ...],
    *,
    number: int,
    launch_day: int,
    bad_batches: NDArray[np.bool_],
) -> LaunchPlan:
    """Draw one launch: what it is, how it is delivered, when it is announced and postponed.

    bad_batches: (suppliers, weeks), batches whose every language is wrong.
    """
    index = int(rng.integers(len(suppliers)))
    is_release = bool(rng.random() < 0.65)
    announced = launch_day - int(rng.integers(25, 61))
    truth = _draw_truth(rng, suppliers[index], number=number, day=launch_day, is_release=is_release)
    dates = _draw_dates(rng, announced=announced, launch_day=launch_day)
    week = max(0, announced // 7)
    versions = _draw_versions(
        rng,
        truth,
        suppliers[index],
        announced=announced,
        until=launch_day + 7,
        bad_batch=bool(bad_batches[index, week]),
    )
    return LaunchPlan(truth, versions, dates, launch_day, is_release)


def break_features(item: ItemFeatures, kind: ErrorKind, rng: np.random.Generator) -> ItemFeatures:
    """Return the item with one feature wrong or missing in the way `kind` says."""
    if kind == "wrong_language":
        other = [language for language in LANGUAGES if language != item.language]
        return replace(item, language=str(rng.choice(other)))
    if kind == "no_language":
        return replace(item, language=None)
    if kind == "wrong_genres":
        return replace(item, genres=_draw_genres(rng, np.full(len(GENRES), 1 / len(GENRES))))
    if kind == "no_genres":
        return replace(item, genres=())
    if kind == "first_genre_only":
        return replace(item, genres=item.genres[:1])
    return replace(item, year=None if kind == "no_year" else int(rng.integers(1900, 1990)))


def _language_shares(rng: np.random.Generator, *, main: int) -> NDArray[np.float64]:
    share = rng.uniform(0.8, 0.97)
    rest = rng.dirichlet(np.array(LANGUAGE_SHARES) * 10.0)
    rest[main] = 0.0
    shares: NDArray[np.float64] = (1.0 - share) * rest / rest.sum()
    shares[main] = share
    return shares


def _draw_genres(rng: np.random.Generator, shares: NDArray[np.float64]) -> tuple[str, ...]:
    count = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
    smoothed = 0.9 * shares + 0.1 / len(shares)
    chosen = rng.choice(len(GENRES), size=count, replace=False, p=smoothed / smoothed.sum())
    return tuple(GENRES[index] for index in sorted(chosen.tolist()))


def _draw_truth(
    rng: np.random.Generator, supplier: Supplier, *, number: int, day: int, is_release: bool
) -> ItemFeatures:
    launch = FIRST_DAY + timedelta(days=day)
    age = int(rng.integers(0, 2)) if is_release else 2 + int(rng.exponential(14.0))
    return ItemFeatures(
        item_id=f"s{number:05d}",
        title=f"Simulated {number}",
        genres=_draw_genres(rng, supplier.genre_shares),
        year=max(1920, launch.year - age),
        language=str(rng.choice(LANGUAGES, p=supplier.language_shares)),
        price=float(rng.choice([0.0, 2.99, 4.99])),
        in_stock=True,
        launch_date=launch if number and day else None,
        source=supplier.name,
        batch=FIRST_DAY.isoformat(),
        version=1,
        simulated=SIMULATED_COLUMNS,
    )


def _draw_dates(
    rng: np.random.Generator, *, announced: int, launch_day: int
) -> tuple[tuple[int, int], ...]:
    """Return announcements; four in five stand, the others are put off by 3 to 21 days."""
    if rng.random() >= 0.2:
        return ((announced, launch_day),)
    first_date = launch_day - int(rng.integers(3, 22))
    told = int(rng.integers(announced + 1, max(announced + 2, first_date)))
    return ((announced, first_date), (told, launch_day))


def _draw_versions(
    rng: np.random.Generator,
    truth: ItemFeatures,
    supplier: Supplier,
    *,
    announced: int,
    until: int,
    bad_batch: bool,
) -> tuple[tuple[int, ItemFeatures], ...]:
    """Return deliveries: the first (perhaps wrong), price edits, late breaks, fixes."""
    events: list[tuple[int, ItemFeatures]] = [(announced, truth)]
    if bad_batch:
        events = [(announced, break_features(truth, "wrong_language", rng))]
    elif rng.random() < supplier.error_rate:
        events = [(announced, break_features(truth, _draw_error(rng), rng))]
    if events[0][1] != truth:
        _append_fix(rng, events, truth, supplier)
    elif rng.random() < supplier.error_rate:
        # a later batch breaks what was right, on any day until the outcome is measured
        broken_on = int(rng.integers(announced + 1, until))
        events.append((broken_on, break_features(truth, _draw_error(rng), rng)))
        _append_fix(rng, events, truth, supplier)
    if rng.random() < 0.3:
        _insert_price_edit(rng, events, announced=announced, until=until)
    return tuple(
        (day, replace(item, version=number, batch=_batch_of(day)))
        for number, (day, item) in enumerate(events, start=1)
    )


def _append_fix(
    rng: np.random.Generator,
    events: list[tuple[int, ItemFeatures]],
    truth: ItemFeatures,
    supplier: Supplier,
) -> None:
    delay = 1 + int(rng.exponential(supplier.mean_fix_days))
    events.append((events[-1][0] + delay, truth))


def _insert_price_edit(
    rng: np.random.Generator,
    events: list[tuple[int, ItemFeatures]],
    *,
    announced: int,
    until: int,
) -> None:
    day = int(rng.integers(announced + 1, until))
    position = sum(effective <= day for effective, _ in events)
    edited = replace(events[position - 1][1], price=9.99)
    events.insert(position, (day, edited))


def _draw_error(rng: np.random.Generator) -> ErrorKind:
    kinds = list(ERROR_SHARES)
    return kinds[int(rng.choice(len(kinds), p=list(ERROR_SHARES.values())))]


def _batch_of(day: int) -> str:
    """Return the Monday of the delivery's week: a supplier's batch."""
    return (FIRST_DAY + timedelta(days=day // 7 * 7)).isoformat()
