"""Checks previews against a simulated truth: how often they judge, and whether intervals hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import CouldNotJudge
from recsysops.experiments.intervals import Interval
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.resolution.expected_choices import PER_REQUESTS, expect_choices
from recsysops.resolution.logged_window import LoggedWindow, arrange_window
from recsysops.resolution.menu import HotfixKind
from recsysops.resolution.replayed_window import replay_window
from recsysops.simulation.clicks import ClickWorld, build_click_world, expected_clicks
from recsysops.vocabulary import (
    EXPLORE_FIRST_RANK,
    EXPLORE_LAST_RANK,
    Hotfix,
    SamplingPlan,
)
from recsysops.workflows.simulate_clicks import LIMIT, START, WorldCatalogues, serve_window

MEMBERS = 600
REQUESTS = 16_000
TUNING_SEEDS = range(1000, 1020)
"""Seeds on which thresholds were set; report on others."""
CHECK_SEEDS = range(2000, 2050)


@dataclass(frozen=True, slots=True)
class PreviewTrial:
    """One preview of one seed beside the truth, per 1,000 requests; intervals None = refused."""

    seed: int
    kind: HotfixKind
    true_now: float
    true_new: float
    new: Interval | None
    difference: Interval | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class PreviewScore:
    """All trials of one kind: shares judged and covered, medians per 1,000 requests.

    judged: share of runs with an interval. covered, difference_covered: share of the intervals
    that hold the true value and the true difference. half_width: of the difference.
    """

    kind: HotfixKind
    runs: int
    judged: float
    covered: float
    difference_covered: float
    true_difference: float
    mean_error: float
    half_width: float
    refusals: tuple[str, ...]


def check_previews(
    seeds: Iterable[int] = CHECK_SEEDS,
    *,
    plan: SamplingPlan | None = None,
    requests: int = REQUESTS,
    progress: Callable[[int], None] | None = None,
) -> list[PreviewScore]:
    """Preview the five hotfixes in simulated worlds with a misconfigured language.

    Everything between the world and the interval is the real path: ranking, exploration,
    sampling, full records, replay, estimate. About 2 s a seed.

    Args:
        seeds: one world each.
        plan: sampling plan of the logs; explore_rate 0 must make every preview refuse.
        requests: requests per world.
        progress: called with each seed when it is done.
    """
    trials: list[PreviewTrial] = []
    for seed in seeds:
        trials.extend(try_previews(seed, plan=plan, requests=requests))
        if progress is not None:
            progress(seed)
    kinds = dict.fromkeys(trial.kind for trial in trials)
    return [_score([one for one in trials if one.kind == kind]) for kind in kinds]


def try_previews(
    seed: int, *, plan: SamplingPlan | None = None, requests: int = REQUESTS
) -> list[PreviewTrial]:
    """Preview the five hotfixes in one world."""
    world = build_click_world(seed, member_count=MEMBERS, limit=LIMIT)
    plan = plan or SamplingPlan()
    log = serve_window(world, seed=seed, requests=requests, plan=plan)
    window = arrange_window(log.full, log.slim, log.feedback)
    now = true_value(world, None, plan)
    return [
        _try_one(
            seed, world, window, hotfix=hotfix, now=now, true_new=true_value(world, hotfix, plan)
        )
        for hotfix in world_hotfixes(world).values()
    ]


def world_hotfixes(world: ClickWorld) -> Mapping[HotfixKind, Hotfix]:
    """Return the five hotfixes an operator would try against the world's fault."""
    true_language = {item.item_id: item.language for item in world.healthy.items}
    values = {item_id: true_language[item_id] for item_id in world.wrong_items}
    params: dict[HotfixKind, dict[str, object]] = {
        "override_feature": {"feature": "language", "values": values},
        "mask_feature": {"block": "language", "item_ids": world.wrong_items},
        "block_items": {"item_ids": world.wrong_items},
        "popularity_fallback": {"surface": None},
        "pin_model": {"model_id": world.older.model_id},
    }
    return {
        kind: Hotfix(
            hotfix_id=kind.replace("_", "-"),
            kind=kind,
            params=one,
            percent=100.0,
            salt="check",
            owner="check_previews",
            reason="simulated fault",
            expires_at=START + timedelta(days=1),
        )
        for kind, one in params.items()
    }


def true_value(world: ClickWorld, hotfix: Hotfix | None, plan: SamplingPlan) -> float:
    """Return true expected clicks per 1,000 requests, every member served by the hotfix.

    Ranks with a plain float64 product and sort: besides the hotfixed catalogue it shares no code
    with the replay it judges.
    """
    scores = _plain_scores(world, hotfix)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :EXPLORE_LAST_RANK]
    exposure = np.zeros_like(scores)
    rows = np.arange(len(scores))[:, None]
    keep = (1.0 - plan.explore_rate / LIMIT) * world.examination
    exposure[rows, order[:, :LIMIT]] = keep
    pool = EXPLORE_LAST_RANK - EXPLORE_FIRST_RANK + 1
    chance = plan.explore_rate / (LIMIT * pool) * float(world.examination.sum())
    exposure[rows, order[:, EXPLORE_FIRST_RANK - 1 :]] = chance
    return PER_REQUESTS * expected_clicks(world, exposure)


def _plain_scores(world: ClickWorld, hotfix: Hotfix | None) -> NDArray[np.float64]:
    """Return scores of all items for all members; what cannot be shown is -inf."""
    kind = None if hotfix is None else hotfix.kind
    older = kind == "pin_model"
    catalogues = WorldCatalogues(world)
    model = world.older if older else world.broken
    fixes = [] if hotfix is None else [hotfix]
    catalogue = catalogues.load(model.model_id, model.delta_id, fixes)
    scores = _affinity(catalogue, world.older_vectors if older else world.vectors)
    if kind == "popularity_fallback":
        scores = np.zeros_like(scores)
    scores = scores + catalogue.bias
    for row, excluded in enumerate(world.excluded):
        scores[row, [catalogue.row_of[item_id] for item_id in excluded]] = -np.inf
    if kind == "block_items":
        scores[:, [catalogue.row_of[item_id] for item_id in world.wrong_items]] = -np.inf
    return scores


def _affinity(catalogue: Catalogue, vectors: Float32Array) -> NDArray[np.float64]:
    product: NDArray[np.float64] = (
        vectors.astype(np.float64) @ catalogue.matrix.astype(np.float64).T
    )
    return product


def _try_one(
    seed: int,
    world: ClickWorld,
    window: LoggedWindow,
    *,
    hotfix: Hotfix,
    now: float,
    true_new: float,
) -> PreviewTrial:
    catalogues = WorldCatalogues(world)
    try:
        replayed = replay_window(
            window, hotfix, catalogues, member_vectors=catalogues.member_vector
        )
        found = expect_choices(replayed)
    except CouldNotJudge as refusal:
        return PreviewTrial(seed, hotfix.kind, now, true_new, None, None, str(refusal))
    return PreviewTrial(seed, hotfix.kind, now, true_new, found.new, found.difference, None)


def _score(trials: list[PreviewTrial]) -> PreviewScore:
    judged = [one for one in trials if one.new is not None and one.difference is not None]
    covered = [one.new is not None and one.new.contains(one.true_new) for one in judged]
    shifts = [
        (one.difference, one.true_new - one.true_now)
        for one in judged
        if one.difference is not None
    ]
    return PreviewScore(
        kind=trials[0].kind,
        runs=len(trials),
        judged=len(judged) / len(trials),
        covered=_mean(covered),
        difference_covered=_mean([found.contains(true) for found, true in shifts]),
        true_difference=_mean([one.true_new - one.true_now for one in trials]),
        mean_error=_mean([found.value - true for found, true in shifts]),
        half_width=_mean([(found.high - found.low) / 2.0 for found, _ in shifts]),
        refusals=tuple(sorted({one.refusal for one in trials if one.refusal})),
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else float("nan")
