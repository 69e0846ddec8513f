"""The primitive corruptions that fault files are made of: one function per deed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from recsysops.errors import BadInput
from recsysops.simulation.gauntlet.columns import (
    Column,
    Columns,
    Mask,
    Rows,
    as_lists,
    count_rows,
    match_rows,
    take_rows,
)
from recsysops.simulation.gauntlet.fault_file import MINUS_SIZE, PICK, SIZE, Amount, FaultFile, Step
from recsysops.simulation.gauntlet.world import World


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault at a size in a world: what `corrupt` is while it lasts."""

    fault: FaultFile
    size: float
    world: World

    def corrupt(self, table: str, columns: Columns) -> Columns:
        """Return what the fault makes of a table; the given columns are left as they are.

        Raises: BadInput when a step names a column that the table lacks.
        """
        for place, step in enumerate(self.fault.steps):
            if step.on == table and columns:  # none: nothing of it was written that day
                columns = self._take_step(step, columns, place=place)
        return columns

    @property
    def slice(self) -> dict[str, str]:
        """The slice that an incident must name, picked values filled in."""
        return {
            name: self.pick(name) if value == PICK else value
            for name, value in self.fault.expected.slice.items()
        }

    def pick(self, column: str) -> str:
        """Return the value of a column that this seed's fault hits."""
        values = self.world.categories.get(column.removeprefix("member_"), ())
        if not values:
            raise BadInput(f"{self.fault.name}: no value of {column!r} to pick from")
        rng = self._rng(zlib.crc32(column.encode()))
        return str(values[int(rng.integers(len(values)))])

    def _take_step(self, step: Step, columns: Columns, *, place: int) -> Columns:
        where = {
            name: self.pick(name) if value == PICK else value for name, value in step.where.items()
        }
        chosen = match_rows(columns, where)
        # which rows go wrong stays the same from day to day, as a mistake in a mapping would
        drawn = self._rng(place).random(len(chosen))
        rows = np.flatnonzero(chosen & (drawn < self._amount(step.share)))
        for name in step.columns:
            if name not in columns:
                raise BadInput(f"{self.fault.name}: {step.on} has no column {name!r}")
        deed = _Deed(step, rows, self._amount(step.by), self._rng(place, 1), self._value(step))
        return _DEEDS[step.do](columns, deed)

    def _value(self, step: Step) -> float | bool | str | None:
        if step.value == PICK:
            return self.pick(step.columns[0])
        return step.value

    def _amount(self, amount: Amount) -> float:
        if amount == SIZE:
            return self.size
        return -self.size if amount == MINUS_SIZE else float(amount)

    def _rng(self, *stream: int) -> np.random.Generator:
        return self.world.rng(90, zlib.crc32(self.fault.name.encode()), *stream)


@dataclass(frozen=True, slots=True)
class _Deed:
    step: Step
    rows: Rows
    by: float
    rng: np.random.Generator
    value: float | bool | str | None


def _fill(columns: Columns, deed: _Deed) -> Columns:
    return _changed(columns, deed, lambda column: _filling(column, deed.value))


def _scale(columns: Columns, deed: _Deed) -> Columns:
    return _changed(columns, deed, lambda column: column[deed.rows] * deed.by)


def _add(columns: Columns, deed: _Deed) -> Columns:
    def plus(column: Column) -> Column:
        return np.asarray(column[deed.rows] + np.asarray(deed.by).astype(column.dtype))

    return _changed(columns, deed, plus)


def _noise(columns: Columns, deed: _Deed) -> Columns:
    def noisy(column: Column) -> Column:
        spread = float(np.nanstd(column.astype(np.float64)))
        drawn = deed.rng.normal(size=column[deed.rows].shape)
        return np.asarray(column[deed.rows] + deed.by * spread * drawn)

    return _changed(columns, deed, noisy)


def _swap(columns: Columns, deed: _Deed) -> Columns:
    first, second = deed.step.columns
    swapped = dict(columns)
    for name, other in ((first, second), (second, first)):
        swapped[name] = columns[name].copy()
        swapped[name][deed.rows] = columns[other][deed.rows]
    return swapped


def _shuffle(columns: Columns, deed: _Deed) -> Columns:
    order = deed.rng.permutation(len(deed.rows))
    return _changed(columns, deed, lambda column: column[deed.rows][order])


def _reverse(columns: Columns, deed: _Deed) -> Columns:
    return _changed(columns, deed, lambda column: column[deed.rows][:, ::-1])


def _drop(columns: Columns, deed: _Deed) -> Columns:
    kept: Mask = np.ones(count_rows(columns), dtype=np.bool_)
    kept[deed.rows] = False
    return take_rows(columns, kept)


def _duplicate(columns: Columns, deed: _Deed) -> Columns:
    rows = np.sort(np.concatenate([np.arange(count_rows(columns)), deed.rows]))
    return take_rows(columns, rows)


def _crowd(columns: Columns, deed: _Deed) -> Columns:
    """Give the rows to the member of one of them: one caller behind many requests."""
    one = deed.rows[:1]
    return _changed(columns, deed, lambda column: column[one].repeat(len(deed.rows), axis=0))


def _delay(columns: Columns, deed: _Deed) -> Columns:
    days = (columns["event_time"] // _DAY).astype(np.int64)
    late = np.zeros(len(days), dtype=np.int64)
    late[deed.rows] = round(deed.by)
    names = {day: _iso_day(day) for day in np.unique(days + late).tolist()}
    arrived = np.array([names[day] for day in (days + late).tolist()], dtype=object)
    return {**columns, "dt": arrived}


def _turn_clock(columns: Columns, deed: _Deed) -> Columns:
    def turned(column: Column) -> Column:
        moments = column[deed.rows]
        return np.asarray(moments // _DAY * _DAY + (moments + int(deed.by * _HOUR)) % _DAY)

    return _changed(columns, deed, turned)


def _cut_day(columns: Columns, deed: _Deed) -> Columns:
    since_noon = columns["event_time"] % _DAY - _DAY // 2
    lost = np.isin(np.arange(len(since_noon)), deed.rows)
    # from noon on, and round into the morning when that is not enough
    lost &= since_noon % _DAY < deed.by * _DAY
    return take_rows(columns, ~lost)


_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
"""Moments are in microseconds since 1970 UTC."""


def _iso_day(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


_DEEDS: Mapping[str, Callable[[Columns, _Deed], Columns]] = {
    "fill": _fill,
    "scale": _scale,
    "add": _add,
    "noise": _noise,
    "swap": _swap,
    "shuffle": _shuffle,
    "reverse": _reverse,
    "drop": _drop,
    "duplicate": _duplicate,
    "crowd": _crowd,
    "delay": _delay,
    "turn_clock": _turn_clock,
    "cut_day": _cut_day,
}


def _changed(columns: Columns, deed: _Deed, change: Callable[[Column], object]) -> Columns:
    changed = dict(columns)
    for name in deed.step.columns:
        changed[name] = columns[name].copy()
        if len(deed.rows):
            changed[name][deed.rows] = change(columns[name])
    return changed


def _filling(column: Column, value: float | bool | str | None) -> object:
    """Return what a fill writes: a value as it is, or one computed of the column."""
    if value == "null":
        return _null_of(column)
    if value == "empty":
        return as_lists([()]) if isinstance(column[0], tuple) else ""
    if value == "nan":
        return np.nan
    if value == "median":
        return float(np.nanmedian(column.astype(np.float64)))
    if value == "mode":
        known = np.array([str(one) for one in column if one is not None])
        names, counts = np.unique(known, return_counts=True)
        return str(names[counts.argmax()])
    return value


def _null_of(column: Column) -> object:
    return None if column.dtype == object else np.nan
