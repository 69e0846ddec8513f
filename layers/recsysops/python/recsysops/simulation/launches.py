"""A catalogue over two years of launches whose truth is known: what the model of that day shows.

It runs day by day: suppliers deliver and repair metadata, items launch into a market (anticipated
first weeks, long tails, shared ups and downs, extra plays for what the model exposes), models are
upgraded every six weeks. `simulate_launches` yields what was known a week before each launch and,
a week after it, what the model of that day gives the panel, with the metadata as delivered and
with the right metadata (same plays: the direct effect). It uses none of the forecasting code.

Assumed, so that nobody reads more into it: no seen filter; the market never saturates; plays
follow true metadata while models see the delivered one; each world has about 18 upgrades.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from recsysops.model.catalogue import assemble_catalogue
from recsysops.model.delta import DeltaSnapshot
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.simulation.launch_events import LaunchOrigin, LaunchOutcome
from recsysops.simulation.launch_market import (
    HALF_LIFE_DAYS,
    Market,
    decay_counts,
    draw_market,
    draw_plays,
    steady_counts,
)
from recsysops.simulation.launch_models import (
    SMOOTHING,
    Recipe,
    ServedModel,
    draw_recipe,
    learn_model,
)
from recsysops.simulation.launch_supply import (
    FIRST_DAY,
    LaunchPlan,
    delivered_on,
    draw_base_item,
    draw_launch,
    draw_suppliers,
    launch_day_announced_on,
    version_on,
)
from recsysops.simulation.launch_tastes import LATENT_WIDTH, Tastes, draw_tastes
from recsysops.simulation.launch_truth import find_thresholds, score_corrected, score_panel
from recsysops.simulation.launch_worlds import Hardness
from recsysops.vocabulary import ItemFeatures, PastLaunch, UpcomingLaunch

LEAD_DAYS = 7
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class LaunchWorldSettings:
    """Size and hardness of a simulated world; the defaults run about 5 s on one core."""

    weeks: int = 112
    launches_per_week: float = 14.0
    base_items: int = 600
    panel_size: int = 200
    top_k: int = 20
    upgrade_every_days: int = 42
    hardness: Hardness = field(default_factory=Hardness)


@dataclass(slots=True)
class _Model:
    served: ServedModel
    trained_revision: NDArray[np.int64]
    encoded: dict[int, tuple[int, Float32Array]] = field(default_factory=dict)


@dataclass(slots=True)
class _World:
    settings: LaunchWorldSettings
    rng: np.random.Generator
    plans: list[LaunchPlan]
    latents: Float64Array
    tastes: Tastes
    market: Market
    launch_days: NDArray[np.int64]
    announced_days: NDArray[np.int64]
    current: list[ItemFeatures]
    revision: NDArray[np.int64]
    changes: dict[int, list[int]]
    counts: Float64Array
    total_plays: Float64Array
    exposure: Float64Array
    daily_plays: dict[int, list[float]] = field(default_factory=dict)
    past_counts: dict[int, Float64Array] = field(default_factory=dict)
    forecast_for: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Upgrades:
    """Who serves, who waits; `planned` is what is announced, `real` when it happens."""

    recipe: Recipe
    production: _Model
    candidate: _Model | None = None
    planned: int = 0
    real: int = 0
    next_recipe: Recipe | None = None
    noise_seed: int = 0


def simulate_launches(
    seed: int, settings: LaunchWorldSettings | None = None
) -> Iterator[LaunchOrigin | LaunchOutcome]:
    """Yield origins and outcomes in the order in which they become known.

    The first twelve weeks warm the market up and yield outcomes only.
    """
    world = _draw_world(np.random.default_rng(seed), settings or LaunchWorldSettings())
    upgrades = _first_model(world)
    for day in range(world.settings.weeks * WEEK_DAYS):
        _deliver_metadata(world, day)
        _move_upgrades(world, upgrades, day)
        world.past_counts[day] = world.counts.copy()
        world.past_counts.pop(day - 2 * WEEK_DAYS - 1, None)
        yield from _outcomes(world, upgrades, day)
        if day >= 12 * WEEK_DAYS:
            yield from _origins(world, upgrades, day)
        if day % WEEK_DAYS == 0:
            _measure_exposure(world, upgrades, day)
        _play_day(world, day)


def _draw_world(rng: np.random.Generator, settings: LaunchWorldSettings) -> _World:
    suppliers = draw_suppliers(rng, hardness=settings.hardness)
    plans = [draw_base_item(rng, suppliers, number=n) for n in range(settings.base_items)]
    bad_batches = rng.random((len(suppliers), settings.weeks + 1)) < 0.015
    for launch_day in _draw_launch_days(rng, settings):
        number = len(plans)
        plans.append(
            draw_launch(
                rng, suppliers, number=number, launch_day=launch_day, bad_batches=bad_batches
            )
        )
    latents = rng.normal(0.0, 0.8, (len(plans), LATENT_WIDTH))
    latents += 0.6 * _latent_of_content(rng, plans)
    market = draw_market(
        rng,
        plans,
        latents,
        days=settings.weeks * WEEK_DAYS,
        luck_factor=settings.hardness.luck,
    )
    return _World(
        settings=settings,
        rng=rng,
        plans=plans,
        latents=latents,
        tastes=draw_tastes(rng, members=settings.panel_size),
        market=market,
        launch_days=np.array([plan.launch_day for plan in plans]),
        announced_days=np.array([plan.announced_day for plan in plans]),
        current=[plan.versions[0][1] for plan in plans],
        revision=np.zeros(len(plans), dtype=np.int64),
        changes=_schedule_changes(plans),
        counts=steady_counts(market),
        total_plays=np.where(market.decay_days > 0.0, 0.0, market.tail * 200.0),
        exposure=np.zeros(len(plans)),
    )


def _draw_launch_days(rng: np.random.Generator, settings: LaunchWorldSettings) -> list[int]:
    """Return launch days in order: mostly Tuesdays and Fridays, a few on Thursdays."""
    days: list[int] = []
    for week in range(settings.weeks):
        count = int(rng.poisson(settings.launches_per_week))
        offsets = rng.choice([1, 3, 4], size=count, p=[0.4, 0.1, 0.5])
        days.extend((week * WEEK_DAYS + offsets).tolist())
    return sorted(days)


def _latent_of_content(rng: np.random.Generator, plans: list[LaunchPlan]) -> Float64Array:
    """Return the part of latents that genre and language explain, (n, 8)."""
    of_name: dict[str, Float64Array] = defaultdict(lambda: rng.normal(0.0, 1.0, LATENT_WIDTH))
    rows = [
        np.mean([of_name[name] for name in (*plan.truth.genres, str(plan.truth.language))], axis=0)
        for plan in plans
    ]
    return np.array(rows)


def _schedule_changes(plans: list[LaunchPlan]) -> dict[int, list[int]]:
    changes: dict[int, list[int]] = defaultdict(list)
    for index, plan in enumerate(plans):
        for day in {day for day, _ in (*plan.versions, *plan.dates)}:
            changes[max(0, day)].append(index)
    return changes


def _deliver_metadata(world: _World, day: int) -> None:
    for index in world.changes.get(day, []):
        world.current[index] = delivered_on(world.plans[index], day)
        world.revision[index] += 1


def _first_model(world: _World) -> _Upgrades:
    recipe = draw_recipe(world.rng, None)
    model = _learn(world, recipe, day=0, noise_seed=int(world.rng.integers(2**31)))
    first = world.settings.upgrade_every_days
    return _Upgrades(recipe=recipe, production=model, planned=first, real=first)


def _learn(world: _World, recipe: Recipe, *, day: int, noise_seed: int) -> _Model:
    known = np.flatnonzero(world.announced_days <= day)
    served = learn_model(
        world.rng,
        recipe,
        world.tastes,
        items=[world.current[index] for index in known],
        latents=world.latents[known],
        plays=world.total_plays[known],
        trained_at=_moment(day),
        noise_seed=noise_seed,
    )
    trained = np.full(len(world.plans), -1, dtype=np.int64)
    trained[known] = world.revision[known]
    return _Model(served, trained)


def _move_upgrades(world: _World, upgrades: _Upgrades, day: int) -> None:
    """Register a candidate two weeks before its plan; one roll-out in five is a week late."""
    if upgrades.candidate is None and day == upgrades.planned - 2 * WEEK_DAYS:
        upgrades.next_recipe = draw_recipe(world.rng, upgrades.recipe)
        upgrades.noise_seed = int(world.rng.integers(2**31))
        upgrades.candidate = _learn(
            world, upgrades.next_recipe, day=day, noise_seed=upgrades.noise_seed
        )
        upgrades.real = upgrades.planned + (WEEK_DAYS if world.rng.random() < 0.2 else 0)
    if upgrades.next_recipe is not None and day == upgrades.planned < upgrades.real:
        upgrades.planned = upgrades.real
    if upgrades.next_recipe is not None and day == upgrades.real:
        upgrades.recipe = upgrades.next_recipe
        upgrades.production = _learn(
            world, upgrades.recipe, day=day, noise_seed=upgrades.noise_seed
        )
        upgrades.candidate = upgrades.next_recipe = None
        upgrades.planned = upgrades.real = day + world.settings.upgrade_every_days


def _snapshot(world: _World, model: _Model, *, day: int, popularity_day: int) -> DeltaSnapshot:
    """Return the catalogue as items announced by `day`, with popularity of `popularity_day`."""
    known = np.flatnonzero(world.announced_days <= day)
    changed = np.flatnonzero(model.trained_revision[known] != world.revision[known])
    width = model.served.artefact.encoder.width
    vectors = np.zeros((len(changed), width), dtype=np.float32)
    for row, index in enumerate(known[changed].tolist()):
        vectors[row] = _vector_of(world, model, index)
    return DeltaSnapshot(
        delta_id=f"d-{day}",
        as_of=_moment(popularity_day),
        model_id=model.served.artefact.model_id,
        half_life_days=HALF_LIFE_DAYS,
        items=tuple(world.current[index] for index in known.tolist()),
        log_popularity=np.log(world.past_counts[popularity_day][known] + SMOOTHING).astype(
            np.float32
        ),
        changed_rows=changed.astype(np.intp),
        changed_vectors=vectors,
    )


def _vector_of(world: _World, model: _Model, index: int) -> Float32Array:
    """Encode an item anew, keeping the collaborative part that the model learned."""
    revision = int(world.revision[index])
    held = model.encoded.get(index)
    if held is not None and held[0] == revision:
        return held[1]
    artefact = model.served.artefact
    vector = np.zeros(artefact.encoder.width, dtype=np.float32)
    if model.trained_revision[index] >= 0:
        row = int(np.searchsorted(artefact.item_ids, world.current[index].item_id))
        vector[:] = artefact.item_matrix[row]
    vector[: artefact.encoder.content_width] = artefact.encoder.encode(world.current[index])
    model.encoded[index] = (revision, vector)
    return vector


def _origins(world: _World, upgrades: _Upgrades, day: int) -> Iterator[LaunchOrigin]:
    announced = {
        index: launch_day_announced_on(world.plans[index], day)
        for index in np.flatnonzero(
            (world.announced_days <= day) & (world.launch_days >= day)
        ).tolist()
    }
    near = [index for index, told in announced.items() if told <= day + 2 * WEEK_DAYS]
    due = [
        index
        for index in near
        if announced[index] == day + LEAD_DAYS and index not in world.forecast_for
    ]
    if not due:
        return
    world.forecast_for.update(due)
    candidate = upgrades.candidate
    yield LaunchOrigin(
        as_of=_moment(day),
        production=upgrades.production.served,
        delta=_snapshot(world, upgrades.production, day=day, popularity_day=day),
        earlier=_snapshot(world, upgrades.production, day=day, popularity_day=day - 14),
        candidate=candidate.served if candidate else None,
        candidate_delta=(
            _snapshot(world, candidate, day=day, popularity_day=day) if candidate else None
        ),
        candidate_from=_date(upgrades.planned) if candidate else None,
        launches=tuple(_known_of(world, index, day) for index in near),
        due=frozenset(world.plans[index].truth.item_id for index in due),
    )


def _known_of(world: _World, index: int, day: int) -> UpcomingLaunch:
    plan = world.plans[index]
    return UpcomingLaunch(
        item=world.current[index],
        earlier_versions=tuple(item for _, item in plan.versions[: version_on(plan, day)]),
        anticipation=float(world.market.anticipation[index]),
    )


def _outcomes(world: _World, upgrades: _Upgrades, day: int) -> Iterator[LaunchOutcome]:
    due = np.flatnonzero(world.launch_days == day - WEEK_DAYS).tolist()
    if not due:
        return
    model = upgrades.production
    delta = _snapshot(world, model, day=day, popularity_day=day)
    catalogue = assemble_catalogue(model.served.artefact, delta)
    scores = score_panel(model.served, catalogue)
    eligible = catalogue.launched(_moment(day))
    kth, next_best = find_thresholds(scores[:, eligible], k=world.settings.top_k)
    for index in due:
        row = catalogue.row_of[world.plans[index].truth.item_id]
        inside = scores[:, row] >= kth
        corrected = score_corrected(model.served, catalogue, world.plans[index].truth, row=row)
        yield LaunchOutcome(
            as_of=_moment(day),
            past=PastLaunch(
                item=world.current[index],
                launched_on=_date(day - WEEK_DAYS),
                daily_plays=tuple(world.daily_plays.pop(index)),
                anticipation=float(world.market.anticipation[index]),
            ),
            share=float(inside.mean()),
            correct_share=float((corrected > np.where(inside, next_best, kth)).mean()),
            model_id=catalogue.model_id,
        )


def _measure_exposure(world: _World, upgrades: _Upgrades, day: int) -> None:
    """Hold for a week which share of the panel sees each item, launches of the week included."""
    delta = _snapshot(world, upgrades.production, day=day, popularity_day=day)
    catalogue = assemble_catalogue(upgrades.production.served.artefact, delta)
    known = np.flatnonzero(world.announced_days <= day)
    eligible = world.launch_days[known] < day + WEEK_DAYS
    scores = score_panel(upgrades.production.served, catalogue)[:, eligible]
    kth, _ = find_thresholds(scores, k=world.settings.top_k)
    world.exposure[:] = 0.0
    world.exposure[known[eligible]] = (scores >= kth[:, None]).mean(axis=0)


def _play_day(world: _World, day: int) -> None:
    plays = draw_plays(
        world.rng,
        world.market,
        day=day,
        ages=day - world.launch_days,
        exposure=world.exposure,
    )
    world.counts = decay_counts(world.counts, plays)
    world.total_plays += plays
    first_week = (world.launch_days <= day) & (day < world.launch_days + WEEK_DAYS)
    for index in np.flatnonzero(first_week).tolist():
        world.daily_plays.setdefault(index, []).append(float(plays[index]))


def _moment(day: int) -> datetime:
    return datetime.combine(_date(day), datetime.min.time(), tzinfo=UTC)


def _date(day: int) -> date:
    return FIRST_DAY + timedelta(days=day)
