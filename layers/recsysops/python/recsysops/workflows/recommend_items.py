"""Answers one recommendation request: member, flags, ranking, response, then the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from recsysops.errors import BadData, DeadlineError, DependencyError
from recsysops.model.catalogue import Catalogue
from recsysops.ports import FlagReader, LogSink, MemberReader
from recsysops.request_log.pseudonym import pseudonym_of, unknown_pseudonym
from recsysops.request_log.sampling import RaisedBudget
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import (
    FallbackReason,
    RecommendationRequest,
    RecommendationResponse,
    truncate_milliseconds,
)
from recsysops.serving.explanation import ItemExplanation, SlateExplanation, explain_slate
from recsysops.serving.fallback import (
    ChosenModel,
    ModelChain,
    choose_model,
    choose_popularity,
    fold_in_session,
)
from recsysops.serving.filters import NO_FILTERS
from recsysops.serving.hotfixes import (
    blocked_items,
    exposed_hotfixes,
    pinned_model,
    uses_popularity_only,
)
from recsysops.serving.ranking import RankingRequest, rank_slate
from recsysops.serving.roll_out import AssignedArm, assign_arm
from recsysops.serving.served_request import (
    RankedRequest,
    ServedRequest,
    StaticSlate,
    sample_request,
    settle_served,
    write_full,
    write_slim,
)
from recsysops.serving.static_list import StaticList, fill_static_slate
from recsysops.serving.surface_plan import is_known_surface, plan_of_surface
from recsysops.vocabulary import Hotfix, Member, ModelPointer, SamplingPlan, Surface
from recsysops.workflows.scorer_state import ScorerState
from recsysops.workflows.shadow_request import shadow_request


@dataclass(frozen=True, slots=True)
class RecommendPorts:
    """What a scorer needs from the world; perf_counter returns seconds from any origin."""

    state: ScorerState
    members: MemberReader
    flags: FlagReader
    log: LogSink
    perf_counter: Callable[[], float]
    raised: RaisedBudget = field(default_factory=RaisedBudget)


@dataclass(frozen=True, slots=True)
class _FoundMember:
    """The member as far as the store could tell; `failure` says why not."""

    member: Member | None
    pseudonym: str
    failure: FallbackReason | None = None

    @property
    def seen(self) -> tuple[str, ...]:
        """Items the member has seen, none when unknown."""
        return self.member.seen if self.member else ()


def recommend_items(
    request: RecommendationRequest, *, request_id: str, ports: RecommendPorts, now: datetime
) -> RecommendationResponse:
    """Answer a request and log it; degrades with a reason where something is missing.

    Unknown members and a failing member store get fresh popularity, unfit vectors the previous
    model or popularity; without any catalogue a stored list is shown. Nothing of this is an
    error, and none of it waits for longer than the member store's deadline. `latency_ms` covers
    everything up to the response; the log lines are made after it.

    Raises: BadBody for a surface that is neither built in nor configured.
    """
    started = ports.perf_counter()
    ports.state.poll()
    plan = ports.flags.sampling_plan()
    served = serve_request(request, request_id=request_id, ports=ports, plan=plan, now=now)
    response = _respond(served)
    latency_ms = 1_000.0 * (ports.perf_counter() - started)
    # nothing is drawn or encoded before the response
    ports.log.defer(partial(log_request, served, plan, ports, latency_ms=latency_ms))
    return response


def serve_request(
    request: RecommendationRequest,
    *,
    request_id: str,
    ports: RecommendPorts,
    plan: SamplingPlan,
    now: datetime,
) -> ServedRequest:
    """Rank a request, or show a stored list, with all that the log will say of it.

    Raises: BadBody for a surface that is neither built in nor configured.
    """
    pointer = ports.flags.model_pointer()
    is_known = is_known_surface(request.surface, plan=plan, pointer=pointer)
    found = _find_member(request, request_id=request_id, members=ports.members)
    document = ports.flags.hotfixes()
    hotfixes = exposed_hotfixes(document, found.pseudonym, now)
    roll_out, instead = _assign(found, hotfixes, pointer, surface=request.surface)
    served = ServedRequest(
        request=request,
        request_id=request_id,
        event_time=truncate_milliseconds(request.event_time or now),
        traffic="live" if request.event_time is None else "re-timed",
        member=found.pseudonym,
        document=document,
        hotfixes=hotfixes,
        ranked=None,
        fallback_reason="no_catalogue",
        watched=(*found.seen, *request.session_items),
        roll_out=roll_out,
    )
    chain = ports.state.chain(hotfixes, instead=instead)
    if chain is None:
        return _show_stored(served, found, ports.state.static_list)
    ranked = _serve_ranked(served, found, _choose(found, chain), state=ports.state, plan=plan)
    if not is_known and ranked.fallback_reason is None:
        ranked = replace(ranked, fallback_reason="surface_unknown", fallback_step="plain_surface")
    if pointer is not None and pointer.shadow is not None:
        shadow_request(ranked, found.member, pointer.shadow, state=ports.state, log=ports.log)
    return ranked


def _serve_ranked(
    served: ServedRequest,
    found: _FoundMember,
    chosen: ChosenModel,
    *,
    state: ScorerState,
    plan: SamplingPlan,
) -> ServedRequest:
    catalogue = state.cache.vary(chosen.catalogue, served.hotfixes)
    if chosen.member.vector is None:
        chosen = fold_in_session(chosen, catalogue, served.watched)
    ranking = _ranking_request(served, found, chosen, plan)
    return replace(
        served,
        ranked=_rank(catalogue, ranking, chosen),
        fallback_reason=chosen.member.reason,
        fallback_step=chosen.step,
    )


def _show_stored(served: ServedRequest, found: _FoundMember, static: StaticList) -> ServedRequest:
    request = served.request
    shown = fill_static_slate(
        static,
        # a list knows no attributes: rather nothing than what the caller ruled out
        limit=request.limit if request.filters == NO_FILTERS else 0,
        candidates=request.candidates or (),
        excluded={*_unwanted(request, found), *blocked_items(served.hotfixes)},
    )
    return replace(served, stored=StaticSlate(static, shown), fallback_step=static.origin)


def _unwanted(request: RecommendationRequest, found: _FoundMember) -> tuple[str, ...]:
    """Return what is not shown, each once: seen, chosen in this session, excluded."""
    return tuple(dict.fromkeys((*found.seen, *request.session_items, *request.exclude)))


def _assign(
    found: _FoundMember,
    hotfixes: tuple[Hotfix, ...],
    pointer: ModelPointer | None,
    *,
    surface: Surface,
) -> tuple[AssignedArm | None, str | None]:
    """Return the member's arm and the model it is to be served by, if not production.

    Only members with a row take part: others have another pseudonym, so another hash, with every
    request. A pinned model ends the comparison for the members it is pinned for, and a surface
    with a model of its own takes no part: the canary stands in for production only.
    """
    own = pointer.surfaces.get(surface) if pointer else None
    canary = pointer.canary if pointer else None
    if own is not None or canary is None:
        return None, own
    if found.member is None or pinned_model(hotfixes) is not None:
        return None, None
    assigned = assign_arm(canary, found.pseudonym)
    serves = assigned is not None and assigned.arm == "canary"
    return assigned, canary.model_id if serves else None


def _choose(found: _FoundMember, chain: ModelChain) -> ChosenModel:
    if found.failure is not None:
        return choose_popularity(chain, found.failure)
    return choose_model(found.member, chain)


def _find_member(
    request: RecommendationRequest, *, request_id: str, members: MemberReader
) -> _FoundMember:
    visitor_id = request.visitor_id
    nobody = _FoundMember(
        None, unknown_pseudonym(request_id), "anonymous" if request.member_id is None else None
    )
    if visitor_id is None:
        return nobody
    try:
        member = members.get(visitor_id)
    except DeadlineError:
        return replace(nobody, failure="member_store_slow")
    except (BadData, DependencyError):  # one garbled row is no reason to refuse its member
        return replace(nobody, failure="member_store_failed")
    if member is None:
        return nobody
    return _FoundMember(member, pseudonym_of(visitor_id, salt=member.salt))


def _ranking_request(
    served: ServedRequest, found: _FoundMember, chosen: ChosenModel, plan: SamplingPlan
) -> RankingRequest:
    request = served.request
    popularity_only = uses_popularity_only(served.hotfixes, request.surface)
    return RankingRequest(
        request_id=served.request_id,
        event_time=served.event_time,
        limit=request.limit,
        candidates=request.candidates or (),
        excluded=_unwanted(request, found),
        member_vector=None if popularity_only else chosen.member.vector,
        explore_rate=plan.explore_rate,
        blocked=blocked_items(served.hotfixes),
        filters=request.filters,
        surface_plan=plan_of_surface(plan, request.surface),
        session_items=chosen.member.folded,
    )


def _rank(catalogue: Catalogue, ranking: RankingRequest, chosen: ChosenModel) -> RankedRequest:
    slate = rank_slate(catalogue, ranking)
    return RankedRequest(ranking, slate, catalogue, chosen.member.packed)


def _explain(served: ServedRequest) -> dict[str, ItemExplanation]:
    ranked, request = served.ranked, served.request
    if ranked is None or not (request.explain or request.explain_features):
        return {}
    return explain_slate(
        ranked.catalogue,
        ranked.ranking,
        ranked.slate,
        seen=served.watched,
        per_feature=request.explain_features,
    )


def _respond(served: ServedRequest) -> RecommendationResponse:
    ranked, explained = served.ranked, _explain(served)
    items = tuple(
        {
            "item_id": item.item_id,
            "position": item.position,
            "score": item.score,
            "explanation": explained.get(item.item_id),
        }
        for item in served.shown
    )
    # one dictionary is checked at a third of the price of eleven models made from keywords
    return RecommendationResponse.model_validate(
        {
            "request_id": served.request_id,
            "model_id": served.model_id,
            "delta_id": served.delta_id,
            "items": items,
            "status": "ok" if served.fallback_reason is None else "fallback",
            "fallback_reason": served.fallback_reason,
            "fallback_step": served.fallback_step,
            "unknown_candidates": ranked.slate.unknown_candidates if ranked else (),
            "explanation": _explain_whole(ranked) if ranked and explained else None,
        }
    )


def _explain_whole(ranked: RankedRequest) -> SlateExplanation:
    return SlateExplanation(
        eligible_count=ranked.slate.eligible_count,
        filters=ranked.ranking.filters,
        arm=ranked.slate.arm,
        folded_from=ranked.ranking.session_items,
    )


def log_request(
    served: ServedRequest, plan: SamplingPlan, ports: RecommendPorts, *, latency_ms: float
) -> None:
    """Write the slim line of a request and, when it is sampled, its full record."""
    served = settle_served(served)
    log, sampling = ports.log, sample_request(served, plan, budget=ports.raised)
    log.write("slim_requests", [encode_record(write_slim(served, sampling, latency_ms=latency_ms))])
    if sampling.full and served.ranked is not None:
        log.write("full_requests", [encode_record(write_full(served, served.ranked, sampling))])
