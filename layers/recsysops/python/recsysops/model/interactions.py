"""Columns of choices (who, what, when, how much) over fixed lists of members and items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsysops.vocabulary import Interaction, ItemFeatures

Codes: TypeAlias = NDArray[np.int32]
Seconds: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.bool_] | NDArray[np.intp]

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Interactions:
    """Choices as columns, ascending by time (ties by member, then item).

    member_ids, item_ids: ascending texts without repeats; members, items: (n,) codes into them;
    times: (n,) seconds since 1970 UTC; values: (n,) ratings, or 1. The columns are read-only.
    weights: (n,) plays that each row is worth, None when all are worth one.
    """

    member_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    members: Codes
    items: Codes
    times: Seconds
    values: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: Rows) -> Interactions:
        """Return the chosen rows (a mask, or ascending row numbers) over the same id lists."""
        return replace(
            self,
            members=_locked(self.members[rows]),
            items=_locked(self.items[rows]),
            times=_locked(self.times[rows]),
            values=_locked(self.values[rows]),
            weights=None if self.weights is None else _locked(self.weights[rows]),
        )

    def before(self, moment: datetime | float) -> Interactions:
        """Return the rows strictly earlier than a moment (aware, or seconds since 1970)."""
        seconds = moment.timestamp() if isinstance(moment, datetime) else moment
        return self.take(np.arange(int(np.searchsorted(self.times, seconds, side="left"))))

    @property
    def content_hash(self) -> str:
        """Digest of every row and id; equal for equal data."""
        digest = hashlib.sha256("\x1f".join((*self.member_ids, "", *self.item_ids)).encode())
        weights = () if self.weights is None else (self.weights,)
        for column in (self.members, self.items, self.times, self.values, *weights):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named data set: its choices, and the features of every item it knows (ascending ids)."""

    name: str
    interactions: Interactions
    items: tuple[ItemFeatures, ...]
    origin: Literal["real", "simulated"] = "real"


def make_interactions(
    *,
    members: Iterable[str],
    items: Iterable[str],
    times: NDArray[np.float64],
    values: NDArray[np.float32],
    item_ids: Iterable[str] = (),
) -> Interactions:
    """Build sorted columns from parallel columns of texts and numbers.

    `item_ids` adds items nobody has chosen yet. A member's repeats of one item are kept.
    """
    member_column, item_column = list(members), list(items)
    member_ids, all_items = sorted(set(member_column)), sorted({*item_column, *item_ids})
    member_codes = _codes(member_column, member_ids)
    item_codes = _codes(item_column, all_items)
    order = np.lexsort((item_codes, member_codes, times))
    return Interactions(
        member_ids=tuple(member_ids),
        item_ids=tuple(all_items),
        members=_locked(member_codes[order]),
        items=_locked(item_codes[order]),
        times=_locked(np.asarray(times, dtype=np.float64)[order]),
        values=_locked(np.asarray(values, dtype=np.float32)[order]),
    )


def columns_of(rows: Iterable[Interaction], *, item_ids: Iterable[str] = ()) -> Interactions:
    """Build columns from single interactions."""
    listed = list(rows)
    return make_interactions(
        members=[row.member_id for row in listed],
        items=[row.item_id for row in listed],
        times=np.array([row.event_time.timestamp() for row in listed], dtype=np.float64),
        values=np.array([row.value for row in listed], dtype=np.float32),
        item_ids=item_ids,
    )


def moment_of(seconds: float) -> datetime:
    """Return the aware UTC moment of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def _codes(column: list[str], ids: list[str]) -> Codes:
    code_of = {identity: code for code, identity in enumerate(ids)}
    return np.array([code_of[identity] for identity in column], dtype=np.int32)


def _locked(column: NDArray[np.generic]) -> NDArray:  # type: ignore[type-arg]
    column.setflags(write=False)
    return column
