"""Reads a table file (Parquet, CSV or JSON lines, also compressed) into columns to be profiled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsysops.detection.table_profile import CategoryColumn, Codes, Column, NumberColumn
from recsysops.errors import BadData, BadInput
from recsysops.vocabulary import hash_group

_READERS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
"""The last suffix but a compression's, to the reader."""
_COMPRESSIONS = (".gz", ".zst", ".bz2")
MOST_BYTES = 4 << 30


def read_table_file(path: Path) -> pa.Table:
    """Read a whole file.

    Raises: BadInput when it is of another format or too large; BadData when it cannot be read.
    """
    suffixes = [part for part in path.suffixes if part not in _COMPRESSIONS]
    reader = _READERS.get(suffixes[-1] if suffixes else "")
    if reader is None:
        raise BadInput(f"{path}: a table file ends in one of {', '.join(_READERS)}")
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path} is larger than {MOST_BYTES >> 30} GiB; profile a sample of it")
    try:
        table = _read(reader, path)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadData(f"{path} cannot be read: {' '.join(str(error).split())[:300]}") from error
    if repeated := [name for name, times in Counter(table.column_names).items() if times > 1]:
        raise BadData(f"{path} has several columns named {repeated[0]!r}")
    return table


def columns_of(table: pa.Table) -> dict[str, Column]:
    """Return every column as numbers or categories.

    Moments count as seconds since 1970, lists as their length; true and false are categories.
    Anything else (maps, structures) is read as its text.
    """
    return {name: _column(table.column(name).combine_chunks()) for name in table.column_names}


def groups_of(table: pa.Table, *, cluster: str) -> Codes:
    """Return the hash group of each row by one column, so that rows which share a value stay
    together, (n,). Raises: BadInput when there is no such column."""
    if cluster not in table.column_names:
        raise BadInput(f"no column {cluster!r}; there are {table.column_names}")
    coded = table.column(cluster).cast(pa.string()).combine_chunks().dictionary_encode()
    group_of = np.array([*map(hash_group, coded.dictionary.to_pylist()), 0], np.intp)
    groups: Codes = group_of[_codes(coded)]
    return groups


def _read(reader: str, path: Path) -> pa.Table:
    if reader == "parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path)
    if reader == "csv":
        import pyarrow.csv

        return pyarrow.csv.read_csv(path)
    import pyarrow.json

    with pa.input_stream(str(path), compression="detect") as file:
        return pyarrow.json.read_json(file)


def _column(values: pa.Array) -> Column:
    kind = values.type
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        values = pc.divide(values.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64()), 1e6)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = pc.list_value_length(values)
    if _is_number(values.type):
        numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return NumberColumn(np.asarray(numbers, np.float64))
    coded = _as_text(values).dictionary_encode()
    return CategoryColumn(_codes(coded), tuple(map(str, coded.dictionary.to_pylist())))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if one is None else str(one) for one in values.to_pylist()])


def _codes(coded: Any) -> Codes:
    return np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.intp)
