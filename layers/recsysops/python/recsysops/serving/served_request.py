"""Knows how one served request is written down: the slim line and the full record."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from recsysops import __version__
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import numeric_fingerprint
from recsysops.request_log.digest import digest_columns
from recsysops.request_log.records import SCHEMA_VERSION, FullRequest, SlimRequest
from recsysops.request_log.sampling import (
    RECENT_LAUNCH_DAYS,
    RaisedBudget,
    SamplingDecision,
    decide_sampling,
    name_stratum,
)
from recsysops.request_log.schema import validate_columns
from recsysops.serving.api import FallbackReason, RecommendationRequest
from recsysops.serving.filters import dump_filters
from recsysops.serving.home_page import PageRow, flatten_rows
from recsysops.serving.propensity import settle_propensities
from recsysops.serving.ranking import RankedSlate, RankingRequest
from recsysops.serving.roll_out import AssignedArm
from recsysops.serving.static_list import StaticList
from recsysops.serving.surface_plan import dump_surface_plan
from recsysops.vocabulary import (
    FallbackStep,
    FlagDocument,
    Hotfix,
    SamplingPlan,
    ShownItem,
    Traffic,
    hash_group,
)


@dataclass(frozen=True, slots=True, eq=False)
class RankedRequest:
    """A request with the ranking that answered it.

    packed_vector: as stored, None when the member has none for this model; a hotfix may have
    ranked without it all the same.
    """

    ranking: RankingRequest
    slate: RankedSlate
    catalogue: Catalogue
    packed_vector: bytes | None


@dataclass(frozen=True, slots=True)
class StaticSlate:
    """What is shown of a stored list."""

    source: StaticList
    shown: tuple[ShownItem, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ServedRequest:
    """Everything that is known once a response is built.

    Without a catalogue `ranked` is None and `stored` is shown. watched: items the member has
    seen or chosen in this session, oldest first.
    """

    request: RecommendationRequest
    request_id: str
    event_time: datetime
    traffic: Traffic
    member: str
    document: FlagDocument
    hotfixes: tuple[Hotfix, ...]
    ranked: RankedRequest | None
    fallback_reason: FallbackReason | None
    fallback_step: FallbackStep | None = None
    stored: StaticSlate | None = None
    watched: tuple[str, ...] = ()
    roll_out: AssignedArm | None = None
    rows: tuple[PageRow, ...] = ()
    layout: str | None = None

    @property
    def model_id(self) -> str:
        """The model that scored, '' when none did."""
        return self.ranked.catalogue.model_id if self.ranked else ""

    @property
    def delta_id(self) -> str:
        """The snapshot that is shown, '' when the packaged list is."""
        if self.ranked:
            return self.ranked.catalogue.delta_id
        return self.stored.source.delta_id if self.stored else ""

    @property
    def shown(self) -> tuple[ShownItem, ...]:
        """The final slate."""
        if self.ranked:
            return self.ranked.slate.shown
        return self.stored.shown if self.stored else ()


def settle_served(served: ServedRequest) -> ServedRequest:
    """Return the request with the propensities of its policy; only drawn slates need it."""
    ranked = served.ranked
    if ranked is None or ranked.slate.policy is None:
        return served
    slate = settle_propensities(ranked.catalogue, ranked.ranking, ranked.slate)
    return replace(served, ranked=replace(ranked, slate=slate))


def sample_request(
    served: ServedRequest, plan: SamplingPlan, *, budget: RaisedBudget
) -> SamplingDecision:
    """Decide whether a request is logged in full; nothing ranked leaves nothing to repeat.

    Fallbacks, exploration and active hotfixes are raised while the minute's budget lasts.
    """
    ranked = served.ranked
    arm = ranked.slate.arm if ranked else "greedy"
    stratum = name_stratum(
        surface=served.request.surface,
        member_known=_member_known(ranked),
        launch_shown=ranked is not None and _shows_launch(ranked, served.event_time),
        arm=arm,
        country=served.request.country,
    )
    if ranked is None:
        return SamplingDecision(stratum, 0.0, full=False)
    raised = served.fallback_reason is not None or arm == "explore" or bool(served.hotfixes)
    if raised:
        raised = budget.take(served.event_time, limit=plan.raised_per_minute)
    return decide_sampling(served.request_id, plan=plan, stratum=stratum, raised=raised)


def write_slim(
    served: ServedRequest, sampling: SamplingDecision, *, latency_ms: float
) -> SlimRequest:
    """Build the slim line of a request."""
    ranked, shown = served.ranked, served.shown
    columns = _shared_columns(served, sampling)
    columns["flag_rejected"] = served.document.rejected
    columns["scores"] = [item.score for item in shown] if ranked else []  # a stored list has none
    columns["latency_ms"] = round(latency_ms, 3)
    columns["full"] = sampling.full
    return validate_columns(SlimRequest, columns)


def write_full(
    served: ServedRequest, ranked: RankedRequest, sampling: SamplingDecision
) -> FullRequest:
    """Build the full record of a ranked request, with the digest of its inputs."""
    slate, ranking, packed = ranked.slate, ranked.ranking, ranked.packed_vector
    columns = _shared_columns(served, sampling) | {
        "member_vector": None if packed is None else base64.b64encode(packed).decode(),
        "context": json.dumps(served.request.context, sort_keys=True),
        "limit": ranking.limit,
        "candidates": list(ranking.candidates),
        "excluded": list(ranking.excluded),
        "filters": dump_filters(ranking.filters),
        "explore_rate": ranking.explore_rate,
        "explore_first_rank": ranking.explore_first or ranking.limit + 1,
        "session_items": list(ranking.session_items),
        "surface_plan": dump_surface_plan(ranking.surface_plan),
        "planned": list(slate.planned),
        "shortlist": list(slate.shortlist),
        "scores": slate.scores.tolist(),
        "blocks": list(slate.block_names),
        "contributions": slate.contributions.ravel().tolist(),
        "code_version": __version__,
        "fingerprint": numeric_fingerprint(),
        "layout": served.layout,
        "row_scores": flatten_rows(served.rows)[2],
    }
    columns["input_digest"] = digest_columns(columns)
    return validate_columns(FullRequest, columns)


def _shared_columns(served: ServedRequest, sampling: SamplingDecision) -> dict[str, Any]:
    """Return what the slim line and the full record both hold."""
    ranked, shown, roll_out = served.ranked, served.shown, served.roll_out
    slate = ranked.slate if ranked else None
    names, item_ids, _ = flatten_rows(served.rows)
    return {
        "schema_version": SCHEMA_VERSION,
        "request_id": served.request_id,
        "event_time": served.event_time,
        "surface": served.request.surface,
        "member": served.member,
        "member_group": hash_group(served.member),
        "member_known": _member_known(ranked),
        "model_id": served.model_id,
        "delta_id": served.delta_id,
        "flag_version": served.document.version,
        "hotfix_ids": [hotfix.hotfix_id for hotfix in served.hotfixes],
        "arm": slate.arm if slate else "greedy",
        "shown": [item.item_id for item in shown],
        "propensities": [item.propensity for item in shown],
        "eligible_count": slate.eligible_count if slate else 0,
        "status": "ok" if served.fallback_reason is None else "fallback",
        "fallback_reason": served.fallback_reason,
        "stratum": sampling.stratum,
        "inclusion_probability": sampling.inclusion_probability,
        "traffic": served.traffic,
        "policy": slate.policy if slate else None,
        "propensity_errors": list(slate.propensity_errors) if slate else [],
        "fallback_step": served.fallback_step,
        "roll_out_id": roll_out.roll_out_id if roll_out else None,
        "roll_out_arm": roll_out.arm if roll_out else None,
        "row_names": names,
        "row_items": item_ids,
        "country": served.request.country,
    }


def _member_known(ranked: RankedRequest | None) -> bool:
    return ranked is not None and ranked.packed_vector is not None


def _shows_launch(ranked: RankedRequest, moment: datetime) -> bool:
    recent = ranked.catalogue.ids_launched_since(moment, days=RECENT_LAUNCH_DAYS)
    return not recent.isdisjoint([item.item_id for item in ranked.slate.shown])
