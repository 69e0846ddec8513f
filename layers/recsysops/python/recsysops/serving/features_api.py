"""The bodies of the routes that write items and members: typed, bounded, finite."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from recsysops.serving.api import Identifier
from recsysops.serving.closed_body import ClosedBody
from recsysops.serving.filters import MAX_PRICE, Word, Words
from recsysops.vocabulary import ItemFeatures

MAX_TITLE = 500
MAX_VERSION = 2**53
MAX_SEEN = 4_000
MAX_WIDTH = 4_096
MAX_MODELS = 4
LARGEST_NUMBER = 1e6

Version = Annotated[
    int, Field(ge=1, le=MAX_VERSION, strict=True, description="higher than what is stored")
]
Number = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER, allow_inf_nan=False)]
Column = Literal["title", "genres", "year", "language", "price", "in_stock", "launch_date"]


class ItemParameters(ClosedBody):
    """Which item a route writes."""

    item_id: Identifier


class MemberParameters(ClosedBody):
    """Which member a route is about."""

    member_id: Identifier


class ItemBody(ClosedBody):
    """What PUT /v1/items/{item_id} takes: all that is known of an item; it replaces the old."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE)]
    genres: Words = ()
    year: int | None = Field(None, ge=0, le=9999, strict=True)
    language: Word | None = None
    price: float | None = Field(None, ge=0.0, le=MAX_PRICE, allow_inf_nan=False)
    in_stock: bool | None = Field(None, strict=True)
    launch_date: date | None = Field(None, description="None: launched long ago")
    source: Identifier = Field(description="who says so: the supplier")
    batch: date = Field(description="day of the supplier's delivery")
    version: Version
    simulated: tuple[Column, ...] = Field((), max_length=7, description="columns that are not real")
    anticipation: float | None = Field(None, ge=0.0, le=1e12, allow_inf_nan=False)

    def to_item(self, item_id: str) -> ItemFeatures:
        """Return the item as the table holds it."""
        fields = self.model_dump()
        return ItemFeatures(item_id=item_id, **{**fields, "batch": self.batch.isoformat()})


class MemberBody(ClosedBody):
    """What PUT /v1/members/{member_id} takes; what is left out stays as it is."""

    version: Version
    vectors: dict[Identifier, Annotated[tuple[Number, ...], Field(max_length=MAX_WIDTH)]] | None = (
        Field(None, max_length=MAX_MODELS, description="by model id; replaces all that are stored")
    )
    seen: tuple[Identifier, ...] | None = Field(
        None, max_length=MAX_SEEN, description="oldest first; replaces what is stored"
    )


class ItemWritten(ClosedBody):
    """What PUT /v1/items/{item_id} answers; scorers serve it with the next snapshot."""

    item_id: str
    version: int


class MemberWritten(ClosedBody):
    """What PUT /v1/members/{member_id} answers."""

    member_id: str
    version: int
