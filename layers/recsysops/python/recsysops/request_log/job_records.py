"""What batch jobs derive from the log and the catalogue and write to the lake, declared once.

The rules of change are those of `records`.
"""

from __future__ import annotations

from pydantic import Field

from recsysops.request_log.moments import LakeMoment
from recsysops.request_log.records import (
    SCHEMA_VERSION,
    Country,
    EligibleCount,
    LogRecord,
    RequestRecord,
    Source,
)
from recsysops.vocabulary import Activity, ProfileSubject, ReplayOutcome, Surface

PROFILE_DAY = "2024-01-01"
"""Every model profile lies in this one partition: models are asked for by id, not by day."""
REPLAYED_A_DAY = 1_000
"""Logged requests repeated a day; planned from the floor of `training_serving_skew`."""
FOLLOWED_LAUNCH_DAYS = 7
"""Days from its launch on in which an item is ranked as one, for `launch_ranks`."""
RANKED_FOR_LAUNCHES_A_DAY = 100
"""Logged requests a day that every recent launch is ranked in: one launch's mean percentile is then
known to 0.03, below what launches of one age differ by."""


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
