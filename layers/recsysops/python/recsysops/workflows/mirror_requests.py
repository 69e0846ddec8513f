"""Adopt in shadow: another recommender's requests and answers, written as ours would be logged.

Rows are labelled traffic="mirrored". Audits of volume, fallbacks and scores run over them as over
our own; what needs features or full records says that it could not judge. Where a model of ours
is at hand it ranks the same request, and both slates go into `shadow_requests`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsysops.errors import BadData
from recsysops.model.catalogue import Catalogue
from recsysops.ports import DurableLog, MemberStore
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.request_log.records import SCHEMA_VERSION, ShadowRequest, SlimRequest
from recsysops.request_log.sampling import name_stratum
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import (
    MAX_CANDIDATES,
    MAX_LIMIT,
    EventTime,
    Identifier,
    truncate_milliseconds,
)
from recsysops.serving.fallback import choose_vector
from recsysops.serving.ranking import RankingRequest, rank_slate
from recsysops.serving.shadow import agreement, greedy_slate
from recsysops.vocabulary import Member, RequestStatus, Surface, hash_group

MAX_LINE_BYTES = 256_000
BATCH_LINES = 500
KEPT_PROBLEMS = 20


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class MirroredItem(_Line):
    """One slot that the other recommender showed; what it does not know stays out."""

    item_id: Identifier
    score: float | None = Field(None, ge=-1e9, le=1e9, allow_inf_nan=False)
    propensity: float | None = Field(None, gt=0.0, le=1.0, allow_inf_nan=False)


class MirroredRequest(_Line):
    """One line of the file: what was asked and what was answered."""

    request_id: Identifier
    member_id: Identifier
    event_time: EventTime
    model_id: Identifier
    items: tuple[MirroredItem, ...] = Field(max_length=MAX_LIMIT)
    surface: Surface = "home"
    candidates: tuple[Identifier, ...] = Field((), max_length=MAX_CANDIDATES)
    status: RequestStatus = "ok"
    fallback_reason: str | None = Field(None, max_length=64)
    latency_ms: float = Field(0.0, ge=0.0, le=1e7, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """How many lines were written, how many refused, and the first refusals with line numbers."""

    written: int
    refused: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MirrorPorts:
    """Where lines go; `catalogue` ranks the same requests, None only mirrors."""

    log: DurableLog
    members: MemberStore
    catalogue: Catalogue | None = None


def mirror_requests(lines: Iterable[str], *, ports: MirrorPorts) -> MirrorReport:
    """Write JSON lines into our log tables, durable when this returns; bad lines are counted.

    A member of the other recommender gets a row here, as the pseudonym needs its salt.

    Raises: DependencyError; what was written before stays, request ids make a repeat harmless.
    """
    written, refused, problems = 0, 0, list[str]()
    numbered = enumerate(lines, start=1)
    while batch := list(islice(numbered, BATCH_LINES)):
        parsed: list[MirroredRequest] = []
        for number, line in batch:
            try:
                parsed.extend(_parse(line))
            except BadData as error:
                refused += 1
                problems.append(f"line {number}: {error}")
        _write(parsed, ports)
        written += len(parsed)
    return MirrorReport(written, refused, tuple(problems[:KEPT_PROBLEMS]))


def _parse(line: str) -> Iterator[MirroredRequest]:
    """Yield the line's request, nothing for an empty line."""
    if not line.strip():
        return
    if len(line) > MAX_LINE_BYTES:
        raise BadData(f"{len(line)} characters; at most {MAX_LINE_BYTES} are allowed")
    try:
        yield MirroredRequest.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:100] or "line"
        raise BadData(f"{place}: {first['msg']}") from error


def _write(requests: list[MirroredRequest], ports: MirrorPorts) -> None:
    slim: list[str] = []
    shadow: list[str] = []
    for request in requests:
        member = _member_of(request, ports.members)
        pseudonym = pseudonym_of(request.member_id, salt=member.salt)
        slim.append(encode_record(_slim_line(request, pseudonym)))
        if ports.catalogue is not None:
            row = _shadow_line(request, member, pseudonym, ports.catalogue)
            shadow.append(encode_record(row))
    if slim:
        ports.log.append("slim_requests", slim)
    if shadow:
        ports.log.append("shadow_requests", shadow)


def _member_of(request: MirroredRequest, members: MemberStore) -> Member:
    known = members.get(request.member_id)
    if known is not None:
        return known
    salt = members.add_seen(request.member_id, ())
    return Member(request.member_id, {}, (), salt)


def _slim_line(request: MirroredRequest, pseudonym: str) -> SlimRequest:
    items = request.items
    scores = [item.score for item in items if item.score is not None]
    propensities = [item.propensity for item in items if item.propensity is not None]
    return SlimRequest(
        schema_version=SCHEMA_VERSION,
        request_id=request.request_id,
        event_time=_moment(request),
        surface=request.surface,
        member=pseudonym,
        member_group=hash_group(pseudonym),
        member_known=request.status == "ok",
        model_id=request.model_id,
        delta_id="",
        flag_version="",
        hotfix_ids=[],
        arm="greedy",
        shown=[item.item_id for item in items],
        scores=scores if len(scores) == len(items) else [],
        propensities=propensities if len(propensities) == len(items) else [],
        eligible_count=len(request.candidates),
        status=request.status,
        fallback_reason=request.fallback_reason,
        latency_ms=request.latency_ms,
        stratum=name_stratum(
            surface=request.surface, member_known=True, launch_shown=False, arm="greedy"
        ),
        inclusion_probability=0.0,
        full=False,
        traffic="mirrored",
    )


def _shadow_line(
    request: MirroredRequest, member: Member, pseudonym: str, catalogue: Catalogue
) -> ShadowRequest:
    ranking = RankingRequest(
        request_id=request.request_id,
        event_time=_moment(request),
        limit=max(1, len(request.items)),
        candidates=request.candidates,
        excluded=member.seen,
        member_vector=choose_vector(member, catalogue).vector,
        explore_rate=0.0,
    )
    theirs = [item.item_id for item in request.items]
    ours = greedy_slate(rank_slate(catalogue, ranking), ranking)
    return ShadowRequest(
        schema_version=SCHEMA_VERSION,
        request_id=request.request_id,
        event_time=ranking.event_time,
        surface=request.surface,
        member=pseudonym,
        member_group=hash_group(pseudonym),
        model_id=request.model_id,
        shadow_model_id=catalogue.model_id,
        delta_id=catalogue.delta_id,
        limit=ranking.limit,
        served=theirs,
        shadow=ours,
        agreement_at_10=agreement(theirs, ours),
        inclusion_probability=1.0,
        traffic="mirrored",
    )


def _moment(request: MirroredRequest) -> datetime:
    return truncate_milliseconds(request.event_time)
