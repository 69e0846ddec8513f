"""Knows which items a request's attribute filters let through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recsysops.errors import BadData
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import IndexArray

MAX_VALUES = 32
MAX_PRICE = 1e9

Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Words = Annotated[tuple[Word, ...], Field(max_length=MAX_VALUES)]
Year = Annotated[int, Field(ge=0, le=9999, strict=True)]


class AttributeFilters(BaseModel):
    """What an item must be to be ranked; every filter given must hold.

    An item whose value is unknown never passes a filter on it: whoever asks for items in stock
    must not be shown one that may be sold out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    genres_any: Words = Field((), description="has at least one of these genres")
    genres_none: Words = Field((), description="has none of these genres")
    languages: Words = Field((), description="is in one of these languages")
    year_from: Year | None = Field(None, description="made in this year or later")
    year_to: Year | None = Field(None, description="made in this year or earlier")
    in_stock: bool = Field(False, strict=True, description="true: known to be in stock")
    max_price: float | None = Field(
        None, ge=0.0, le=MAX_PRICE, allow_inf_nan=False, description="costs at most this much"
    )


NO_FILTERS = AttributeFilters()


def matching_items(catalogue: Catalogue, filters: AttributeFilters) -> NDArray[np.bool_]:
    """Return which items pass every filter, (n,)."""
    columns = catalogue.columns.of(catalogue.items)
    passed = np.ones(len(columns), dtype=np.bool_)
    if filters.genres_any:
        passed &= _having(columns.rows_by_genre, filters.genres_any, len(columns))
    if filters.genres_none:
        passed &= ~_having(columns.rows_by_genre, filters.genres_none, len(columns))
    if filters.languages:
        passed &= _having(columns.rows_by_language, filters.languages, len(columns))
    # comparisons with NaN are false: unknown values do not pass
    if filters.year_from is not None:
        passed &= columns.year >= filters.year_from
    if filters.year_to is not None:
        passed &= columns.year <= filters.year_to
    if filters.max_price is not None:
        passed &= columns.price <= filters.max_price
    return passed & columns.in_stock if filters.in_stock else passed


def dump_filters(filters: AttributeFilters) -> str | None:
    """Return the filters as the log keeps them: JSON of those given, None when there is none."""
    return None if filters == NO_FILTERS else filters.model_dump_json(exclude_defaults=True)


def load_filters(logged: str | None) -> AttributeFilters:
    """Read logged filters back. Raises: BadData when they are none."""
    if logged is None:
        return NO_FILTERS
    try:
        return AttributeFilters.model_validate_json(logged)
    except ValidationError as error:
        raise BadData(f"filters: {error.errors()[0]['msg']}") from error


def _having(
    rows_by_value: Mapping[str, IndexArray], values: tuple[str, ...], count: int
) -> NDArray[np.bool_]:
    mask = np.zeros(count, dtype=np.bool_)
    for value in values:
        mask[rows_by_value.get(value, np.empty(0, np.intp))] = True
    return mask
