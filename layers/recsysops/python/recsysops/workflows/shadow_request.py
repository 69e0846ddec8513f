"""Scores a share of the requests with another model, after their response, and logs both."""

from __future__ import annotations

from dataclasses import replace

from recsysops.model.catalogue import Catalogue
from recsysops.ports import LogSink
from recsysops.request_log.records import SCHEMA_VERSION, ShadowRequest
from recsysops.request_log.schema import encode_record
from recsysops.serving.fallback import ChosenModel, choose_vector, fold_in_session
from recsysops.serving.hotfixes import uses_popularity_only
from recsysops.serving.ranking import rank_slate
from recsysops.serving.served_request import RankedRequest, ServedRequest
from recsysops.serving.shadow import agreement, correlate_with_served, greedy_slate, is_shadowed
from recsysops.vocabulary import Member, Shadow, hash_group
from recsysops.workflows.scorer_state import ScorerState


def shadow_request(
    served: ServedRequest,
    member: Member | None,
    shadow: Shadow,
    *,
    state: ScorerState,
    log: LogSink,
) -> None:
    """Put the shadow's scoring off until after the response; nothing is shown of it.

    Requests that the shadow itself served as canary have nothing to compare; a shadow that is
    not in memory yet, or only with another snapshot, scores nothing.
    """
    ranked = served.ranked
    if ranked is None or not is_shadowed(shadow, served.request_id):
        return
    catalogue = state.loaded_model(shadow.model_id)
    comparable = catalogue is not None and catalogue.delta_id == served.delta_id
    if catalogue is None or not comparable or shadow.model_id == served.model_id:
        return

    def score_and_log() -> None:
        varied = state.cache.vary(catalogue, served.hotfixes)
        other = _rank_with(served, ranked, member, varied)
        record = _write(served, ranked, other, shadow)
        log.write("shadow_requests", [encode_record(record)])

    log.defer(score_and_log)


def _rank_with(
    served: ServedRequest, ranked: RankedRequest, member: Member | None, catalogue: Catalogue
) -> RankedRequest:
    chosen = ChosenModel(catalogue, choose_vector(member, catalogue), None)
    if chosen.member.vector is None:
        chosen = fold_in_session(chosen, catalogue, served.watched)
    popularity_only = uses_popularity_only(served.hotfixes, served.request.surface)
    vector = None if popularity_only else chosen.member.vector
    ranking = replace(ranked.ranking, member_vector=vector, explore_rate=0.0)
    return RankedRequest(ranking, rank_slate(catalogue, ranking), catalogue, chosen.member.packed)


def _write(
    served: ServedRequest, ranked: RankedRequest, other: RankedRequest, shadow: Shadow
) -> ShadowRequest:
    mine = greedy_slate(ranked.slate, ranked.ranking)
    theirs = greedy_slate(other.slate, other.ranking)
    return ShadowRequest(
        schema_version=SCHEMA_VERSION,
        request_id=served.request_id,
        event_time=served.event_time,
        surface=served.request.surface,
        member=served.member,
        member_group=hash_group(served.member),
        model_id=served.model_id,
        shadow_model_id=shadow.model_id,
        delta_id=served.delta_id,
        limit=ranked.ranking.limit,
        served=mine,
        shadow=theirs,
        agreement_at_10=agreement(mine, theirs),
        rank_correlation=correlate_with_served(ranked, other),
        inclusion_probability=shadow.share,
        traffic=served.traffic,
    )
