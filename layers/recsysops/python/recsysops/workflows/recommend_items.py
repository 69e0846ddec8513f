"""Answers one recommendation request: member, flags, ranking, response, then the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from recsysops.errors import BadData, DependencyError
from recsysops.model.catalogue import Catalogue
from recsysops.ports import FlagReader, LogSink, MemberStore
from recsysops.request_log.pseudonym import pseudonym_of, unknown_pseudonym
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import (
    RecommendationRequest,
    RecommendationResponse,
    RecommendedItem,
    truncate_milliseconds,
)
from recsysops.serving.fallback import MemberVector, choose_vector
from recsysops.serving.hotfixes import blocked_items, exposed_hotfixes, uses_popularity_only
from recsysops.serving.ranking import RankingRequest, rank_slate
from recsysops.serving.served_request import (
    RankedRequest,
    ServedRequest,
    sample_request,
    write_full,
    write_slim,
)
from recsysops.serving.surface_plan import plan_of_surface
from recsysops.vocabulary import Hotfix, Member, SamplingPlan
from recsysops.workflows.scorer_state import ScorerState

NO_MEMBER_STORE = MemberVector(None, None, "member_store_failed")


@dataclass(frozen=True, slots=True)
class RecommendPorts:
    """What a scorer needs from the world; perf_counter returns seconds from any origin."""

    state: ScorerState
    members: MemberStore
    flags: FlagReader
    log: LogSink
    perf_counter: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _FoundMember:
    """The member as far as the store could tell."""

    member: Member | None
    pseudonym: str
    store_failed: bool = False


def recommend_items(
    request: RecommendationRequest, *, request_id: str, ports: RecommendPorts, now: datetime
) -> RecommendationResponse:
    """Answer a request and log it; degrades with a reason where something is missing.

    Unknown members, unfit vectors and a failing member store get fresh popularity; without any
    catalogue the slate is empty. Nothing of this is an error. `latency_ms` in the log covers
    everything up to the response; the log lines are made after it.

    Raises: BadBody for a surface that is neither built in nor configured.
    """
    started = ports.perf_counter()
    ports.state.poll()
    plan = ports.flags.sampling_plan()
    plan_of_surface(plan, request.surface)  # refuses a surface that nobody configured
    served = _serve(request, request_id=request_id, ports=ports, plan=plan, now=now)
    response = _respond(served)
    latency_ms = 1_000.0 * (ports.perf_counter() - started)
    # nothing is drawn or encoded before the response
    ports.log.defer(partial(_log, served, plan, log=ports.log, latency_ms=latency_ms))
    return response


def _serve(
    request: RecommendationRequest,
    *,
    request_id: str,
    ports: RecommendPorts,
    plan: SamplingPlan,
    now: datetime,
) -> ServedRequest:
    found = _find_member(request.member_id, request_id=request_id, members=ports.members)
    document = ports.flags.hotfixes()
    hotfixes = exposed_hotfixes(document, found.pseudonym, now)
    catalogue = ports.state.catalogue(hotfixes)
    event_time = truncate_milliseconds(request.event_time or now)
    ranked, chosen = None, None
    if catalogue is not None:
        chosen = NO_MEMBER_STORE if found.store_failed else choose_vector(found.member, catalogue)
        ranking = _ranking_request(
            request, request_id=request_id, event_time=event_time, found=found, chosen=chosen,
            hotfixes=hotfixes, plan=plan,
        )  # fmt: skip
        ranked = _rank(catalogue, ranking, chosen)
    return ServedRequest(
        request=request,
        request_id=request_id,
        event_time=event_time,
        traffic="live" if request.event_time is None else "re-timed",
        member=found.pseudonym,
        document=document,
        hotfixes=hotfixes,
        ranked=ranked,
        fallback_reason=chosen.reason if chosen else "no_catalogue",
    )


def _find_member(member_id: str, *, request_id: str, members: MemberStore) -> _FoundMember:
    try:
        member = members.get(member_id)
    except (BadData, DependencyError):  # one garbled row is no reason to refuse its member
        return _FoundMember(None, unknown_pseudonym(request_id), store_failed=True)
    if member is None:
        return _FoundMember(None, unknown_pseudonym(request_id))
    return _FoundMember(member, pseudonym_of(member_id, salt=member.salt))


def _ranking_request(
    request: RecommendationRequest,
    *,
    request_id: str,
    event_time: datetime,
    found: _FoundMember,
    chosen: MemberVector,
    hotfixes: tuple[Hotfix, ...],
    plan: SamplingPlan,
) -> RankingRequest:
    seen = found.member.seen if found.member else ()
    popularity_only = uses_popularity_only(hotfixes, request.surface)
    return RankingRequest(
        request_id=request_id,
        event_time=event_time,
        limit=request.limit,
        candidates=request.candidates or (),
        excluded=tuple(dict.fromkeys((*seen, *request.exclude))),
        member_vector=None if popularity_only else chosen.vector,
        explore_rate=plan.explore_rate,
        blocked=blocked_items(hotfixes),
        filters=request.filters,
        surface_plan=plan_of_surface(plan, request.surface),
    )


def _rank(catalogue: Catalogue, ranking: RankingRequest, chosen: MemberVector) -> RankedRequest:
    slate = rank_slate(catalogue, ranking)
    return RankedRequest(ranking, slate, catalogue, chosen.packed)


def _respond(served: ServedRequest) -> RecommendationResponse:
    ranked = served.ranked
    return RecommendationResponse(
        request_id=served.request_id,
        model_id=ranked.catalogue.model_id if ranked else "",
        delta_id=ranked.catalogue.delta_id if ranked else "",
        items=tuple(
            RecommendedItem(item_id=item.item_id, position=item.position, score=item.score)
            for item in (ranked.slate.shown if ranked else ())
        ),
        status="ok" if served.fallback_reason is None else "fallback",
        fallback_reason=served.fallback_reason,
        unknown_candidates=ranked.slate.unknown_candidates if ranked else (),
    )


def _log(served: ServedRequest, plan: SamplingPlan, *, log: LogSink, latency_ms: float) -> None:
    sampling = sample_request(served, plan)
    log.write("slim_requests", [encode_record(write_slim(served, sampling, latency_ms=latency_ms))])
    if sampling.full and served.ranked is not None:
        log.write("full_requests", [encode_record(write_full(served, served.ranked, sampling))])
