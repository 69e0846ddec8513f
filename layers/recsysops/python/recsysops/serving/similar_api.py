"""The bodies and parameters of the two `similar` routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from recsysops.serving.api import MAX_EXCLUDED, MAX_LIMIT, Identifier
from recsysops.serving.closed_body import ClosedBody
from recsysops.serving.filters import NO_FILTERS, AttributeFilters, Word, Words
from recsysops.vocabulary import RequestStatus

MAX_TEXT = 500
MAX_WIDTH = 4_096
_LARGEST = 1e9

SimilarFallbackReason = Literal["no_catalogue", "item_without_vector"]
"""no_catalogue: nothing could be loaded yet; item_without_vector: the item has no genre, year,
language or history that the model knows."""
QueryKind = Literal["item", "vector", "features", "text"]


def _split_words(words: object) -> object:
    return words.split(",") if isinstance(words, str) else words


Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
SeparatedWords = Annotated[Words, BeforeValidator(_split_words)]


class SimilarParameters(ClosedBody):
    """What GET /v1/items/{item_id}/similar takes."""

    item_id: Identifier
    limit: int = Field(10, ge=1, le=MAX_LIMIT)
    genres_any: SeparatedWords = Field((), description="has at least one of these genres")
    in_stock: bool = Field(False, description="true: known to be in stock")
    max_price: float | None = Field(
        None, ge=0.0, le=_LARGEST, allow_inf_nan=False, description="costs at most this much"
    )

    @property
    def filters(self) -> AttributeFilters:
        """The filters among the parameters."""
        return AttributeFilters(
            genres_any=self.genres_any, in_stock=self.in_stock, max_price=self.max_price
        )


class QueryFeatures(ClosedBody):
    """Features that an item like the wanted one would have."""

    genres: Words = ()
    year: int | None = Field(None, ge=0, le=9999, strict=True)
    language: Word | None = None


class SimilarRequest(ClosedBody):
    """What POST /v1/similar takes: a vector, features or a text, exactly one of them."""

    vector: tuple[Number, ...] | None = Field(
        None, min_length=1, max_length=MAX_WIDTH, description="in the item space of the model"
    )
    features: QueryFeatures | None = None
    text: str | None = Field(None, min_length=1, max_length=MAX_TEXT)
    limit: int = Field(10, ge=1, le=MAX_LIMIT, strict=True)
    exclude: tuple[Identifier, ...] = Field((), max_length=MAX_EXCLUDED)
    filters: AttributeFilters = NO_FILTERS

    @model_validator(mode="after")
    def _take_one_query(self) -> SimilarRequest:
        given = [one for one in (self.vector, self.features, self.text) if one is not None]
        if len(given) != 1:
            raise ValueError(f"give one of vector, features and text; {len(given)} were given")
        return self


class SimilarItem(ClosedBody):
    """One similar item; similarity is the cosine of the two vectors, 1 for the same direction."""

    item_id: str
    position: int
    similarity: float


class SimilarResponse(ClosedBody):
    """What both routes answer."""

    request_id: str
    model_id: str
    delta_id: str
    items: tuple[SimilarItem, ...]
    query: QueryKind
    status: RequestStatus
    fallback_reason: SimilarFallbackReason | None
