"""The bodies of the HTTP API: bounded on the way in, typed on the way out, problems with paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from recsysops.errors import BadBody
from recsysops.serving.closed_body import ClosedBody as _Body
from recsysops.serving.explanation import ItemExplanation, SlateExplanation
from recsysops.serving.filters import NO_FILTERS, AttributeFilters
from recsysops.serving.surface_plan import SurfaceName
from recsysops.vocabulary import ID_PATTERN, FallbackStep, FeedbackKind, RequestStatus

MAX_CANDIDATES = 1_000
MAX_EXCLUDED = 1_000
MAX_LIMIT = 50
MAX_SESSION_ITEMS = 50
MAX_CONTEXT_KEYS = 16
MAX_EVENTS = 100
MAX_BODY_BYTES = 256_000
"""The largest body that keeps every bound below has 150 KB; more only costs time to refuse."""
COUNTRY = re.compile(r"[A-Z]{2}")
"""ISO 3166-1 alpha-2 by its form; which codes exist is not ours to say."""
_SHOWN_PROBLEMS = 20
_SHOWN_PATH = 100
"""Paths hold keys the caller chose, and are logged: they are cut to so many characters."""

FallbackReason = Literal[
    "anonymous",
    "unknown_member",
    "cold_member",
    "vector_mismatch",
    "member_store_failed",
    "member_store_slow",
    "model_unavailable",
    "surface_unknown",
    "no_catalogue",
]
"""anonymous: nobody named, and nothing chosen yet; unknown_member: never heard of; cold_member:
known, but no model has a vector yet and nothing was chosen; vector_mismatch: the vector is absent
or unfit for the model that should serve; member_store_slow: no answer within its deadline;
model_unavailable: the model that should serve could not be loaded; surface_unknown: no document
of surfaces could be read yet, so one that may be configured is served plain; no_catalogue:
nothing could be loaded, a stored list serves."""
RejectReason = Literal[
    "duplicate_event", "retimed_not_accepted", "event_time_in_future", "rating_without_value"
]


def truncate_milliseconds(moment: datetime) -> datetime:
    """Return the moment in UTC without microseconds: the lake holds milliseconds."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _in_our_time(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 2200:
        raise ValueError("year must be from 1970 to 2200")
    return truncate_milliseconds(moment)


Identifier = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
ContextKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
ContextValue = Annotated[str, StringConstraints(max_length=128)]
EventTime = Annotated[AwareDatetime, AfterValidator(_in_our_time)]

BodyT = TypeVar("BodyT", bound=BaseModel)


class RecommendationRequest(_Body):
    """What POST /v1/recommendations takes."""

    member_id: Identifier | None = Field(None, description="None: an anonymous session")
    session_id: Identifier | None = Field(
        None, description="an anonymous visitor, as feedback names them in member_id"
    )
    session_items: tuple[Identifier, ...] = Field(
        (), max_length=MAX_SESSION_ITEMS, description="items chosen in this session, oldest first"
    )
    surface: SurfaceName = "home"
    limit: int = Field(10, ge=1, le=MAX_LIMIT, strict=True)
    candidates: tuple[Identifier, ...] | None = Field(
        None, min_length=1, max_length=MAX_CANDIDATES, description="None: the whole catalogue"
    )
    exclude: tuple[Identifier, ...] = Field((), max_length=MAX_EXCLUDED)
    filters: AttributeFilters = Field(NO_FILTERS, description="what an item must be")
    context: dict[ContextKey, ContextValue] = Field(
        default_factory=dict,
        max_length=MAX_CONTEXT_KEYS,
        description="logged as it is; `country` (two capital letters) becomes a column",
    )
    event_time: EventTime | None = Field(None, description="only where traffic may be re-timed")
    explain: bool = Field(False, strict=True, description="say why each item is shown")
    explain_features: bool = Field(
        False, strict=True, description="explain, with the contribution of every feature"
    )

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if self.member_id is not None and self.session_id is not None:
            raise ValueError("name a member_id or a session_id, not both")
        return self

    @property
    def visitor_id(self) -> str | None:
        """The id under which the member store may know whoever asks."""
        return self.member_id or self.session_id

    @property
    def country(self) -> str | None:
        """The context's country, None when it names none in two capital letters."""
        told = self.context.get("country")
        return told if told and COUNTRY.fullmatch(told) else None


class RecommendedItem(_Body):
    """One slot of the slate."""

    item_id: str
    position: int
    score: float
    explanation: ItemExplanation | None = None


class RecommendationResponse(_Body):
    """What POST /v1/recommendations answers; feedback names its request_id."""

    request_id: str
    model_id: str
    delta_id: str
    items: tuple[RecommendedItem, ...]
    status: RequestStatus
    fallback_reason: FallbackReason | None
    fallback_step: FallbackStep | None = None
    unknown_candidates: tuple[str, ...]
    explanation: SlateExplanation | None = None


class FeedbackItem(_Body):
    """One thing a member did."""

    event_id: Identifier
    request_id: Identifier | Literal[""] = ""
    member_id: Identifier
    item_id: Identifier
    kind: FeedbackKind
    event_time: EventTime | None = None
    value: float | None = Field(None, ge=-1e6, le=1e6, allow_inf_nan=False)


class FeedbackRequest(_Body):
    """What POST /v1/feedback takes."""

    events: tuple[FeedbackItem, ...] = Field(min_length=1, max_length=MAX_EVENTS)


class EventStatus(_Body):
    """What became of one event."""

    event_id: str
    status: Literal["accepted", "rejected", "failed"]
    reason: RejectReason | Literal["already_recorded", "not_kept"] | None = Field(
        None,
        description="already_recorded: accepted by an earlier call, not stored again; not_kept: "
        "the member's row could not be written, send the event again",
    )


class FeedbackResponse(_Body):
    """What POST /v1/feedback answers, one status per event, in the order sent."""

    events: tuple[EventStatus, ...]


def parse_body(model: type[BodyT], body: str | bytes | None) -> BodyT:
    """Read a JSON body.

    Raises: BadBody with the path and message of every problem (the first 20).
    """
    size = len(body or b"")
    if size > MAX_BODY_BYTES:
        raise BadBody([("body", f"{size} bytes; at most {MAX_BODY_BYTES} are allowed")])
    try:
        return model.model_validate_json(body or b"")
    except ValidationError as error:
        raise BadBody(_problems(error)) from error


def parse_parameters(model: type[BodyT], parameters: Mapping[str, str]) -> BodyT:
    """Read the parameters of a path and its query. Raises: BadBody as `parse_body`."""
    try:
        return model.model_validate_strings(dict(parameters))
    except ValidationError as error:
        raise BadBody(_problems(error)) from error


def refuse_retimed(request: RecommendationRequest, *, accept_retimed: bool) -> None:
    """Check that a re-timed request meets a stage that takes such. Raises: BadBody."""
    if request.event_time is not None and not accept_retimed:
        raise BadBody([("event_time", "this stage serves live traffic only; leave it out")])


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    return [
        (".".join(map(str, problem["loc"]))[:_SHOWN_PATH] or "body", problem["msg"])
        for problem in error.errors(include_url=False, include_input=False)[:_SHOWN_PROBLEMS]
    ]
