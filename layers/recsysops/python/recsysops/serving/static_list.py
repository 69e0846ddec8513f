"""Knows what is shown when no catalogue can be loaded: a stored list of popular items.

Every snapshot has its list, an immutable object beside it; the last resort is packaged with the
code. Such slates carry no scores, and only what the request itself names is filtered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recsysops.errors import ArtefactError
from recsysops.vocabulary import ID_PATTERN, ShownItem

LIST_LENGTH = 200
"""Enough for the longest slate after what a member has seen is taken out."""

PACKAGED_NAME = "last_resort.json"

Origin = Literal["static_list", "packaged_list"]


@dataclass(frozen=True, slots=True)
class StaticList:
    """Items, most popular first, and the snapshot they were counted in ('' when packaged)."""

    origin: Origin
    delta_id: str
    item_ids: tuple[str, ...]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    delta_id: str
    item_ids: tuple[Annotated[str, StringConstraints(pattern=ID_PATTERN)], ...] = Field(
        min_length=1, max_length=LIST_LENGTH
    )
    digest: str


def static_list_key(delta_id: str) -> str:
    """Return the object key of a snapshot's list."""
    return f"deltas/{delta_id}.popular.json"


def most_popular(
    item_ids: Sequence[str], popularity: NDArray[np.floating], eligible: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Return the LIST_LENGTH most popular eligible items, (n,) each, ties by item id."""
    order = np.lexsort((np.array(item_ids), -popularity))
    return tuple(item_ids[row] for row in order.tolist() if eligible[row])[:LIST_LENGTH]


def dump_static_list(delta_id: str, item_ids: Sequence[str]) -> bytes:
    """Return the object's bytes; the digest makes a garbled one known."""
    row = {"delta_id": delta_id, "item_ids": list(item_ids), "digest": _digest(delta_id, item_ids)}
    return json.dumps(row, sort_keys=True).encode()


def parse_static_list(body: bytes, *, delta_id: str) -> StaticList:
    """Read a snapshot's list. Raises: ArtefactError when it is garbled or another snapshot's."""
    document = _parse(body)
    if document.delta_id != delta_id:
        raise ArtefactError(f"static list of {delta_id} is that of {document.delta_id[:64]}")
    return StaticList("static_list", delta_id, document.item_ids)


@cache
def packaged_list() -> StaticList:
    """Return the list that was packaged with the code: it needs no service at all."""
    body = files("recsysops.serving").joinpath(PACKAGED_NAME).read_bytes()
    return StaticList("packaged_list", "", _parse(body).item_ids)


def fill_static_slate(
    static: StaticList,
    *,
    limit: int,
    candidates: Sequence[str],
    excluded: Collection[str],
) -> tuple[ShownItem, ...]:
    """Return the first items of the list that may be shown, every slot certain, none scored.

    Given candidates restrict the list; those it does not know follow in the caller's order, as
    nothing better is known of them.
    """
    ordered: Sequence[str] = static.item_ids
    if candidates:
        wanted = frozenset(candidates)
        listed = [item_id for item_id in static.item_ids if item_id in wanted]
        ordered = list(dict.fromkeys([*listed, *candidates]))
    barred = frozenset(excluded)
    shown = [item_id for item_id in ordered if item_id not in barred][:limit]
    return tuple(
        ShownItem(item_id, position, score=0.0, propensity=1.0)
        for position, item_id in enumerate(shown, start=1)
    )


def _parse(body: bytes) -> _Document:
    try:
        document = _Document.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise ArtefactError(f"static list: {place}: {first['msg']}") from error
    if document.digest != _digest(document.delta_id, document.item_ids):
        raise ArtefactError(f"static list of {document.delta_id[:64]} does not match its digest")
    return document


def _digest(delta_id: str, item_ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join((delta_id, *item_ids)).encode()).hexdigest()
