"""The parameters and the body of GET /v1/home/{member_id}."""

from __future__ import annotations

from pydantic import Field

from recsysops.serving.api import FallbackReason, Identifier
from recsysops.serving.closed_body import ClosedBody
from recsysops.serving.home_page import RowName
from recsysops.vocabulary import FallbackStep, RequestStatus

MAX_ROW = 20


class HomeParameters(ClosedBody):
    """What GET /v1/home/{member_id} takes."""

    member_id: Identifier
    limit: int = Field(10, ge=1, le=MAX_ROW, description="most items in one row")


class HomeItem(ClosedBody):
    """One slot of a row."""

    item_id: str
    position: int
    score: float = Field(description="comparable within its row only")


class HomeRow(ClosedBody):
    """One row of the page."""

    name: RowName
    because_of: str | None = Field(description="the item that `because_you_watched` is about")
    items: tuple[HomeItem, ...]


class HomeResponse(ClosedBody):
    """What GET /v1/home/{member_id} answers; rows without items are left out."""

    request_id: str
    model_id: str
    delta_id: str
    rows: tuple[HomeRow, ...]
    status: RequestStatus
    fallback_reason: FallbackReason | None
    fallback_step: FallbackStep | None
