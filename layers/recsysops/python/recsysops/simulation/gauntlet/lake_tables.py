"""Columns of the gauntlet as Arrow tables with exactly the columns that Glue declares."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES
from recsysops.simulation.gauntlet.columns import Column, Columns, Mask, count_rows

_SCALARS = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
_WITH_SLATE = ("shown", "scores", "propensities")


def to_arrow(table: str, columns: Columns, *, ingest_day: date) -> pa.Table:
    """Return a table of the lake; columns that nobody filled are null, unknown ones are left out.

    `slate_length` cuts the lists of a slate; `dt` names the day of ingest unless the columns do.
    """
    count = count_rows(columns)
    arrays = {
        name: _array(columns, name, kind, count) for name, kind in glue_columns(TABLES[table])
    }
    ingested = columns.get("dt")
    arrays["dt"] = pa.array(
        [ingest_day.isoformat()] * count if ingested is None else ingested, pa.string()
    )
    return pa.table(arrays)


def _array(columns: Columns, name: str, kind: str, count: int) -> pa.Array:
    values = columns.get(name)
    if kind.startswith("array"):
        inner = _SCALARS[kind.removeprefix("array<").removesuffix(">")]
        lengths = columns.get("slate_length") if name in _WITH_SLATE else None
        return _lists(values, inner, count, lengths)
    if values is None:
        return pa.nulls(count, _SCALARS[kind])
    return _scalars(values, _SCALARS[kind])


def _scalars(values: Column, kind: pa.DataType) -> pa.Array:
    if values.dtype == object:
        return pa.array(values, kind, from_pandas=True)
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        if pa.types.is_integer(kind):
            return pa.array(np.where(missing, 0, values).astype(np.int64), kind, mask=missing)
        return pa.array(values, kind, mask=missing)
    return pa.array(values, kind)


def _lists(
    values: Column | None, inner: pa.DataType, count: int, lengths: Column | None
) -> pa.Array:
    if values is None:
        return pa.array([[]] * count, pa.list_(inner))
    if values.ndim == 1:
        return pa.array(values, pa.list_(inner))
    width = values.shape[1]
    if lengths is None or (lengths == width).all():
        offsets = np.arange(count + 1, dtype=np.int32) * width
        flat = values.ravel()
    else:
        flat = values[_inside(lengths, width)]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    # inside a list NaN stays NaN: whoever logs a score that is none logs exactly that
    return pa.ListArray.from_arrays(offsets, pa.array(flat, inner, from_pandas=False))


def _inside(lengths: Column, width: int) -> Mask:
    inside: Mask = np.arange(width) < lengths[:, None]
    return inside
