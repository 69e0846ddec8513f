"""What is logged, declared once: these models generate Glue columns, codec and documentation.

Rules of change: additive and nullable only, SCHEMA_VERSION goes up, old golden records still
replay. Field descriptions are the documentation; units stand in the names.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from recsysops.request_log.moments import LakeMoment
from recsysops.vocabulary import (
    Activity,
    Arm,
    FallbackStep,
    FeedbackKind,
    ProfileSubject,
    ReplayOutcome,
    RequestStatus,
    RollOutArm,
    Surface,
    Traffic,
)

SCHEMA_VERSION = 3
PROFILE_DAY = "2024-01-01"
"""Every model profile lies in this one partition: models are asked for by id, not by day."""
REPLAYED_A_DAY = 1_000
"""Logged requests repeated a day; planned from the floor of `training_serving_skew`."""
FOLLOWED_LAUNCH_DAYS = 7
"""Days from its launch on in which an item is ranked as one, for `launch_ranks`."""
RANKED_FOR_LAUNCHES_A_DAY = 100
"""Logged requests a day that every recent launch is ranked in: one launch's mean percentile is then
known to 0.03, below what launches of one age differ by."""


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


class ChoiceRank(RequestRecord):
    """Where we ranked what a member chose, rescored against all eligible items."""

    request_id: str = Field(description="request whose full record was rescored")
    event_time: LakeMoment = Field(description="when the choice happened, UTC")
    surface: Surface = Field(description="surface of the request")
    item_id: str = Field(description="item chosen")
    model_id: str = Field(description="model that scored")
    delta_id: str = Field(description="delta snapshot that was served")
    eligible: bool = Field(description="the item could have been ranked")
    rank: int | None = Field(description="1 is best; None when not among the candidates")
    eligible_count: EligibleCount
    in_shortlist: bool = Field(description="the item was in the logged shortlist")
    inclusion_probability: float = Field(description="of the full record; weight is its inverse")
    traffic: Source
    member_known: bool | None = Field(
        None, description="the member had a vector for the serving model; since version 3"
    )
    activity: Activity | None = Field(
        None, description="how much the member had seen or excluded; since version 3"
    )
    country: Country = None


class LaunchRankRow(LogRecord):
    """Where the rankings of one day's sampled requests have one recent launch, shown or not."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    event_time: LakeMoment = Field(description="first moment of the UTC day of the requests")
    item_id: str = Field(description="item launched")
    item_group: int = Field(description="hash group of the item, 0..31")
    source: str = Field(description="supplier of its values")
    language: str | None = Field(description="original language")
    launch_date: str = Field(description="ISO date of launch")
    age_days: int = Field(description="days since its launch, 0 on the first")
    requests: int = Field(description="sampled requests in which it could have been ranked")
    rank_percentile: float = Field(
        description="mean of (rank - 0.5) / eligible items over them, weighted by the inverse of "
        "the probability that each was logged; 0 is best, items of one score share a rank"
    )


class ReplayedRequestRow(RequestRecord):
    """What became of a logged request that was recomputed from its inputs."""

    model_id: str = Field(description="model that scored")
    delta_id: str = Field(description="delta snapshot that was served")
    outcome: ReplayOutcome = Field(description="bit_equal, within_one_ulp, different or refused")
    reason: str | None = Field(description="why it was refused, or which fields differ")
    blocks: list[str] = Field(description="names of the score's blocks")
    block_differences: list[float] = Field(
        description="largest difference of each block's contributions, logged against recomputed"
    )
    inclusion_probability: float = Field(description="of the full record; weight is its inverse")
    traffic: Source


class ModelProfileRow(LogRecord):
    """One quantity of one model over the items of one segment and hash group, for its audit."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    model_id: str = Field(description="model the numbers are of")
    trained_at: LakeMoment = Field(description="end of its training data, UTC")
    data_hash: str = Field(description="hash of its training data")
    subject: ProfileSubject = Field(description="what is measured of each item: x")
    segment: str = Field(description="which items: all, or genre=..., language=..., source=...")
    item_group: int = Field(description="hash group of the items, 0..31")
    items: int = Field(description="items in the group")
    total: float = Field(description="sum of x")
    squared: float = Field(description="sum of x squared")
    zeros: int = Field(description="items whose x is exactly zero: encoded as missing")


class ItemSnapshotRow(LogRecord):
    """One item of the catalogue as one delta snapshot serves it."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    delta_id: str = Field(description="snapshot this row belongs to")
    as_of: LakeMoment = Field(description="event time of the snapshot, UTC")
    model_id: str = Field(description="model whose encoder made the changed vectors")
    item_id: str = Field(description="item")
    item_group: int = Field(description="hash group of the item, 0..31")
    title: str = Field(description="title")
    genres: list[str] = Field(description="genres")
    year: int | None = Field(description="year of production")
    language: str | None = Field(description="original language")
    price: float | None = Field(description="price")
    in_stock: bool | None = Field(description="can be bought now")
    launch_date: str | None = Field(description="ISO date of launch, None when long ago")
    source: str = Field(description="supplier of these values")
    batch: str = Field(description="ISO date of the supplier's batch")
    version: int = Field(description="version of the item's row")
    changed: bool = Field(description="differs from the artefact's training catalogue")
    log_popularity: float = Field(description="log of decayed plays, first half-life")
    simulated: list[str] = Field(description="columns of this row that are not real data")
    anticipation: float | None = Field(
        None, description="early signs of interest until the launch, None when nobody counts them"
    )


class LaunchForecastRow(LogRecord):
    """How the model is expected to treat an item a week after its launch."""

    schema_version: int = Field(SCHEMA_VERSION, description="version of this declaration")
    as_of: LakeMoment = Field(description="when the forecast was made, UTC")
    item_id: str = Field(description="upcoming item")
    launch_date: str = Field(description="ISO date of launch")
    model_id: str = Field(description="model the launch was dry-run under")
    role: str = Field(description="production or candidate")
    panel_share: float = Field(description="forecast share of the panel with the item in top k")
    low: float | None = Field(
        description="lower end of the 90 % conformal interval, None when past launches of its "
        "group are too few for one"
    )
    high: float | None = Field(description="upper end of the interval, None as `low` is")
    shadow_share: float = Field(description="today's share, had it launched today")
    flagged: bool = Field(description="the forecast says this launch will be harmed")
    reasons: list[str] = Field(description="which metadata is missing or unlike its peers")
    harm_probability: float | None = Field(
        None, description="how likely its metadata harm this launch; from past ones flags learn"
    )


TABLES: dict[str, type[LogRecord]] = {
    "slim_requests": SlimRequest,
    "full_requests": FullRequest,
    "shadow_requests": ShadowRequest,
    "similar_requests": SimilarLine,
    "feedback": FeedbackEvent,
    "consumer_logs": ConsumerLog,
    "choice_ranks": ChoiceRank,
    "launch_ranks": LaunchRankRow,
    "replayed_requests": ReplayedRequestRow,
    "model_profiles": ModelProfileRow,
    "item_snapshots": ItemSnapshotRow,
    "launch_forecasts": LaunchForecastRow,
}
"""Every table of the lake by its Glue name."""

PARQUET_TABLES = (
    "slim_requests",
    "full_requests",
    "shadow_requests",
    "similar_requests",
    "feedback",
    "consumer_logs",
)
"""Tables that Firehose converts; the others are gzip JSON lines written by batch jobs."""
