"""What is logged, declared once: these models generate Glue columns, codec and documentation.

Rules of change: additive and nullable only, SCHEMA_VERSION goes up, old golden records still
replay. Field descriptions are the documentation; units stand in the names.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from recsysops.request_log.moments import LakeMoment
from recsysops.vocabulary import (
    Arm,
    FallbackStep,
    FeedbackKind,
    RequestStatus,
    RollOutArm,
    Surface,
    Traffic,
)

SCHEMA_VERSION = 3


class LogRecord(BaseModel):
    """Base of every row in the lake."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


# Columns that several records hold, declared once; the records order them as the lake does.
MemberKnown = Annotated[bool, Field(description="the member had a vector for the serving model")]
FlagVersion = Annotated[str, Field(description="version of the hotfix document that was read")]
HotfixIds = Annotated[list[str], Field(description="hotfixes this request was exposed to")]
EligibleCount = Annotated[int, Field(description="items that could have been ranked")]
Shown = Annotated[list[str], Field(description="item ids shown, best position first")]
Propensities = Annotated[
    list[float], Field(description="probability that the policy shows this slot")
]
Status = Annotated[RequestStatus, Field(description="ok, or fallback")]
FallbackReason = Annotated[str | None, Field(description="why a fallback served")]
Stratum = Annotated[str, Field(description="sampling stratum")]
SlotsAsked = Annotated[int, Field(description="slots asked for")]
Source = Annotated[Traffic, Field(description="live, re-timed or simulated")]
AnsweredBy = Annotated[FallbackStep | None, Field(description="what answered instead")]
RollOutId = Annotated[str | None, Field(description="roll-out the member takes part in")]
RollOutSide = Annotated[
    RollOutArm | None,
    Field(description="canary (the new model should serve) or its control of the same size"),
]
DrawnBy = Annotated[
    str | None, Field(description="thompson when items drew their play rates, None otherwise")
]
PropensityErrors = Annotated[
    list[float],
    Field(description="standard errors of simulated propensities; empty when they are exact"),
]
RowNames = Annotated[
    list[str], Field(description="row of every item below a home page's first row")
]
RowItems = Annotated[
    list[str],
    Field(
        description="those items, top row first; `shown` is row one. They are a function of row "
        "one, so given it each has propensity 1; over the exploration of row one it is not known"
    ),
]
Country = Annotated[
    str | None,
    Field(description="two capital letters, as the request's context says; since version 3"),
]


class RequestRecord(LogRecord):
    """What every record of one request begins with."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    request_id: str = Field(description="id of the request")
    event_time: LakeMoment = Field(description="when the request happened, UTC")
    surface: Surface = Field(description="where in the product the request came from")
    member: str = Field(description="pseudonym of the member")
    member_group: int = Field(description="hash group of the member, 0..31")


class SlimRequest(RequestRecord):
    """One line for EVERY request: who was shown what, by which model, how likely, how fast."""

    member: str = Field(description="pseudonym: HMAC of the member id under the member's salt")
    member_group: int = Field(description="hash group of the member, 0..31, for the jackknife")
    member_known: MemberKnown
    model_id: str = Field(description="model that scored, '' when none did")
    delta_id: str = Field(description="delta snapshot that was served, '' when none")
    flag_version: FlagVersion
    flag_rejected: str | None = Field(None, description="digest of a newer document refused")
    hotfix_ids: HotfixIds
    arm: Arm = Field(description="greedy, or explore when one slot was drawn at random")
    shown: Shown
    scores: list[float] = Field(description="scores of the shown items, same order")
    propensities: Propensities
    eligible_count: EligibleCount
    status: Status
    fallback_reason: FallbackReason = None
    latency_ms: float = Field(description="time inside the handler")
    stratum: Stratum
    inclusion_probability: float = Field(description="probability of a full record")
    full: bool = Field(description="a full record was written")
    traffic: Traffic = Field(description="live, re-timed (a data set's rows) or simulated")
    fallback_step: AnsweredBy = None
    roll_out_id: RollOutId = None
    roll_out_arm: RollOutSide = None
    policy: DrawnBy = None
    propensity_errors: PropensityErrors = []
    row_names: RowNames = []
    row_items: RowItems = []
    country: Country = None


class FullRequest(RequestRecord):
    """Everything needed to repeat a sampled request bit for bit."""

    request_id: str = Field(description="id of the request; also the seed of its randomness")
    member_known: MemberKnown
    member_vector: str | None = Field(description="base64 of the packed vector, None when cold")
    context: str = Field(description="JSON of the request's context")
    limit: SlotsAsked
    candidates: list[str] = Field(description="given candidates; empty means whole catalogue")
    excluded: list[str] = Field(description="seen and excluded items at request time")
    model_id: str = Field(description="model that scored")
    delta_id: str = Field(description="delta snapshot that was served")
    flag_version: FlagVersion
    hotfix_ids: HotfixIds
    explore_rate: float = Field(description="share of requests with an explored slot")
    arm: Arm = Field(description="greedy or explore")
    eligible_count: EligibleCount
    shortlist: list[str] = Field(description="best items in greedy order, ties by item id")
    scores: list[float] = Field(description="float32 scores of the shortlist, exact as double")
    blocks: list[str] = Field(description="names of the score's blocks")
    contributions: list[float] = Field(
        description="float64 contribution of each block to each shortlisted item, row by row; "
        "a row sums to the score"
    )
    shown: Shown
    propensities: Propensities
    status: Status
    fallback_reason: FallbackReason = None
    code_version: str = Field(description="version of the package that served")
    fingerprint: str = Field(description="numpy, kernel version and architecture")
    stratum: Stratum
    inclusion_probability: float = Field(description="probability that this record was written")
    input_digest: str = Field(description="sha256 over every input of the ranking")
    traffic: Source
    explore_first_rank: int | None = Field(
        None, description="first greedy rank an explored item is drawn from; since version 2"
    )
    filters: str | None = Field(None, description="JSON of the attribute filters, None when none")
    session_items: list[str] = Field(
        [], description="items that a member without a vector was folded in from, oldest first"
    )
    surface_plan: str | None = Field(
        None, description="JSON of how the surface departs from the greedy order, None when not"
    )
    planned: list[str] = Field(
        [],
        description="item ids of the slate before exploration, best position first; empty when "
        "they are the head of the shortlist",
    )
    fallback_step: AnsweredBy = None
    roll_out_id: RollOutId = None
    roll_out_arm: RollOutSide = None
    policy: DrawnBy = None
    propensity_errors: PropensityErrors = []
    layout: str | None = Field(None, description="rows of a home page by name, None without any")
    row_names: RowNames = []
    row_items: RowItems = []
    row_scores: list[float] = Field(
        [], description="their scores; cosines in the row because_you_watched"
    )
    country: Country = None


class ShadowRequest(RequestRecord):
    """How another model would have ranked a request that it did not serve."""

    request_id: str = Field(description="id of the request that was served")
    model_id: str = Field(description="model that served")
    shadow_model_id: str = Field(description="model that only scored")
    delta_id: str = Field(description="delta snapshot both ranked")
    limit: SlotsAsked
    served: list[str] = Field(description="greedy slate of the serving model, best first")
    shadow: list[str] = Field(description="greedy slate of the shadow model, best first")
    agreement_at_10: float = Field(description="share of the two best ten that is in both")
    rank_correlation: float | None = Field(
        None,
        description="Spearman's, of both models' scores over the serving model's shortlist; "
        "None when it has fewer than two items or all scores are equal",
    )
    inclusion_probability: float = Field(description="share of requests that are shadowed")
    traffic: Source


class SimilarLine(LogRecord):
    """One line for every search for similar items: it ranks for no member, so it stands apart."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    request_id: str = Field(description="id of the request; feedback may name it")
    event_time: LakeMoment = Field(description="when the request happened, UTC")
    surface: Surface = Field(description="item: GET for one item; similar: POST of a query")
    query: str = Field(description="item, vector, features or text")
    seed_item: str | None = Field(None, description="item that was asked about, None when none")
    query_digest: str | None = Field(
        None, description="first 16 hex digits of sha256 over the float32 vector that was compared"
    )
    limit: SlotsAsked
    filters: str | None = Field(None, description="JSON of the attribute filters, None when none")
    excluded_count: int = Field(description="items that the caller ruled out")
    model_id: str = Field(description="model whose vectors were compared, '' when none")
    delta_id: str = Field(description="delta snapshot that was served, '' when none")
    flag_version: FlagVersion
    hotfix_ids: HotfixIds
    shown: Shown
    similarities: list[float] = Field(description="cosines of the shown items, same order")
    propensities: list[float] = Field(description="1 each: nothing is drawn")
    status: Status
    fallback_reason: FallbackReason = None
    latency_ms: float = Field(description="time inside the handler")
    traffic: Source


class FeedbackEvent(LogRecord):
    """What a member did with what was shown."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    event_id: str = Field(description="id of the event")
    request_id: str = Field(description="request that showed the item, or '' when none did")
    event_time: LakeMoment = Field(description="when it happened, UTC")
    member: str = Field(description="pseudonym of the member")
    member_group: int = Field(description="hash group of the member, 0..31")
    item_id: str = Field(description="item acted on")
    kind: FeedbackKind = Field(description="what the member did")
    value: float = Field(description="rating, or 1")
    traffic: Traffic = Field(description="live, re-timed or simulated")


class ConsumerLog(LogRecord):
    """What a team that uses our scores really showed, for a fraction of its traffic."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    request_id: str = Field(description="request whose answer was used; joins slim_requests")
    event_time: LakeMoment = Field(description="when it was shown, UTC")
    consumer: str = Field(description="team or product that showed it")
    fraction: float = Field(description="share of its traffic that the consumer reports")
    surface: Surface = Field(description="where in the product it was shown")
    shown: list[str] = Field(description="item ids really shown, best position first")
    traffic: Traffic = Field(description="live, re-timed or simulated")
