"""Shim: the emulator guesses column types from the files; here Glue's declarations decide.

Missing upstream: types of JSON columns (an id of digits became a number), columns that older
files lack (the query failed, Athena reads NULL), nested types of a table without files.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from ministack.services import athena
from recsysops.adapters.duckdb_sql import TableFormat, render_table_relation

from infra.local.shims.patching import find_part, wrap_part

GlueTable = Mapping[str, object]
Relate = Callable[[GlueTable, Sequence[str]], str]


def install() -> None:
    """Read JSON and Parquet tables with exactly the columns that Glue declares."""
    find_part(athena, "_data_format")
    wrap_part(athena, "_table_relation", _typed)
    wrap_part(athena, "_empty_relation", _typed_empty)


def _typed(relate: Relate) -> Relate:
    def relate_typed(table: GlueTable, files: Sequence[str]) -> str:
        file_format = athena._data_format(table)
        if not _is_typed(file_format) or not _columns(table):
            return relate(table, files)
        return render_table_relation(
            _columns(table), file_format=file_format, files=files, partition_keys=_keys(table)
        )

    return relate_typed


def _typed_empty(relate_empty: Callable[[GlueTable], str]) -> Callable[[GlueTable], str]:
    typed = _typed(lambda table, _: relate_empty(table))
    return lambda table: typed(table, ())


def _is_typed(file_format: object) -> TypeGuard[TableFormat]:
    return file_format in {"json", "parquet"}


def _columns(table: GlueTable) -> dict[str, str]:
    storage = table.get("StorageDescriptor")
    return _types(storage.get("Columns") if isinstance(storage, Mapping) else None)


def _keys(table: GlueTable) -> dict[str, str]:
    return _types(table.get("PartitionKeys"))


def _types(columns: object) -> dict[str, str]:
    if not isinstance(columns, Sequence):
        return {}
    return {str(column["Name"]): str(column.get("Type", "string")) for column in columns}
