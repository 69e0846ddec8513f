"""Serves a simulated window through the real ranking, exploration and sampling, and logs it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import ArtefactError, FlagError
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array, numeric_fingerprint
from recsysops.model.packing import pack_vector
from recsysops.request_log.records import FeedbackEvent, FullRequest, SlimRequest
from recsysops.request_log.sampling import decide_sampling, name_stratum
from recsysops.serving.exploration import arm_of, draw_exploration, final_slots
from recsysops.serving.hotfixes import apply_hotfixes
from recsysops.serving.ranking import RankedSlate, RankingRequest, rank_slate
from recsysops.simulation.clicks import ClickWorld, draw_clicks
from recsysops.vocabulary import FlagDocument, Hotfix, SamplingPlan, hash_group

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 10


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedLog:
    """What the lake would hold of a simulated window."""

    slim: tuple[SlimRequest, ...]
    full: tuple[FullRequest, ...]
    feedback: tuple[FeedbackEvent, ...]


class WorldCatalogues:
    """The catalogues of a simulated world, as previews load them."""

    def __init__(self, world: ClickWorld) -> None:
        self._world = world
        self._known = {world.broken.model_id: world.broken, world.older.model_id: world.older}
        self._last: tuple[str, Sequence[Hotfix], Catalogue] | None = None

    def load(self, model_id: str, delta_id: str, hotfixes: Sequence[Hotfix] = ()) -> Catalogue:
        """Return the served or the older catalogue of the one snapshot, hotfixes applied."""
        if delta_id != self._world.broken.delta_id:
            raise ArtefactError(f"{delta_id} was never served in this world")
        if self._last is None or self._last[:2] != (model_id, hotfixes):
            applied = apply_hotfixes(self._known[model_id], hotfixes)
            self._last = (model_id, hotfixes, applied)
        return self._last[2]

    def flag_document(self, version: str) -> FlagDocument:
        """Refuse: nothing was deployed in the simulated window. Raises: FlagError."""
        raise FlagError(f"no flag document {version}")

    def member_vector(self, model_id: str, member: str) -> Float32Array | None:
        """Return the vector a member has for the older model."""
        world = self._world
        row = int(member, 16)
        return world.older_vectors[row] if model_id == world.older.model_id else None


def serve_window(
    world: ClickWorld, *, seed: int, requests: int, plan: SamplingPlan | None = None
) -> SimulatedLog:
    """Serve `requests` requests of the broken catalogue and log them under a sampling plan.

    Each member is ranked once by the real `rank_slate`; every request then explores, is sampled
    and clicked on its own.
    """
    plan = plan or SamplingPlan()
    rng = np.random.default_rng((seed, 1))
    who = rng.choice(len(world.members), size=requests, p=world.activity)
    visits = {int(row): _rank_member(world, int(row), plan) for row in np.unique(who)}
    slim, full, shown = [], [], np.empty((requests, LIMIT), dtype=np.intp)
    for number, row in enumerate(who.tolist()):
        line, record = _serve(visits[row], request_id=f"r{seed}-{number}", plan=plan)
        slim.append(line)
        if record is not None:
            full.append(record)
        shown[number] = [world.broken.row_of[item_id] for item_id in line.shown]
    clicks = draw_clicks(world, who, shown, rng)
    return SimulatedLog(tuple(slim), tuple(full), tuple(_feedback(slim, clicks)))


@dataclass(frozen=True, slots=True, eq=False)
class _Visit:
    """What all requests of one member share: the greedy slate and the rows it is logged as."""

    slate: RankedSlate
    scores: list[float]
    slim: SlimRequest
    full: FullRequest


def _rank_member(world: ClickWorld, row: int, plan: SamplingPlan) -> _Visit:
    request = RankingRequest(
        request_id="greedy",
        event_time=START,
        limit=LIMIT,
        candidates=(),
        excluded=world.excluded[row],
        member_vector=world.vectors[row],
        explore_rate=0.0,
    )
    slate = rank_slate(world.broken, request)
    common = _common_columns(world, row, slate)
    packed = pack_vector(world.vectors[row], owner=world.broken.owner)
    scores = slate.scores.tolist()
    full = FullRequest(
        **common,
        member_vector=base64.b64encode(packed).decode(),
        context="{}",
        limit=LIMIT,
        candidates=[],
        excluded=list(world.excluded[row]),
        explore_rate=plan.explore_rate,
        shortlist=list(slate.shortlist),
        scores=scores,
        blocks=list(slate.block_names),
        contributions=slate.contributions.ravel().tolist(),
        code_version="simulated",
        fingerprint=numeric_fingerprint(),
        input_digest="",
    )
    slim = SlimRequest(**common, scores=[], latency_ms=0.0, full=False)
    return _Visit(slate, scores, slim, full)


def _common_columns(world: ClickWorld, row: int, slate: RankedSlate) -> dict[str, Any]:
    return {
        "request_id": "greedy",
        "event_time": START,
        "surface": "home",
        "member": world.members[row],
        "member_group": hash_group(world.members[row]),
        "member_known": True,
        "model_id": world.broken.model_id,
        "delta_id": world.broken.delta_id,
        "flag_version": "",
        "hotfix_ids": [],
        "arm": "greedy",
        "shown": [],
        "propensities": [],
        "eligible_count": slate.eligible_count,
        "status": "ok",
        "stratum": "",
        "inclusion_probability": 1.0,
        "traffic": "simulated",
    }


def _serve(
    visit: _Visit, *, request_id: str, plan: SamplingPlan
) -> tuple[SlimRequest, FullRequest | None]:
    slate, rate, count = visit.slate, plan.explore_rate, visit.slate.eligible_count
    drawn = draw_exploration(request_id, rate=rate, limit=LIMIT, eligible_count=count)
    slots = final_slots(drawn, rate=rate, limit=LIMIT, eligible_count=count)
    arm = arm_of(drawn)
    stratum = name_stratum(surface="home", member_known=True, launch_shown=False, arm=arm)
    sampling = decide_sampling(request_id, plan=plan, stratum=stratum, raised=arm == "explore")
    columns = {
        "request_id": request_id,
        "arm": arm,
        "shown": [slate.shortlist[slot.rank - 1] for slot in slots],
        "propensities": [slot.propensity for slot in slots],
        "stratum": stratum,
        "inclusion_probability": sampling.inclusion_probability,
    }
    scores = [visit.scores[slot.rank - 1] for slot in slots]
    slim = visit.slim.model_copy(update={**columns, "scores": scores, "full": sampling.full})
    return slim, visit.full.model_copy(update=columns) if sampling.full else None


def _feedback(slim: Sequence[SlimRequest], clicks: NDArray[np.bool_]) -> list[FeedbackEvent]:
    return [
        FeedbackEvent(
            event_id=f"e-{slim[at].request_id}-{slot}",
            request_id=slim[at].request_id,
            event_time=slim[at].event_time,
            member=slim[at].member,
            member_group=slim[at].member_group,
            item_id=slim[at].shown[slot],
            kind="click",
            value=1.0,
            traffic="simulated",
        )
        for at, slot in zip(*(axis.tolist() for axis in np.nonzero(clicks)), strict=True)
    ]
