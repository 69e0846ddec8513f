"""The lake in memory: Arrow tables in named parts, read by Athena SQL in DuckDB.

What the gauntlet audits thousands of days with. A query that was asked before, over tables whose
columns that it names hold the same values row by row, has the same answer and is not run again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import duckdb

from recsysops.adapters.duckdb_sql import connect_duckdb, duckdb_type
from recsysops.adapters.sql_templates import translate_moments
from recsysops.errors import BadInput, DependencyError
from recsysops.ports import Row
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

_PARTITION: Final = {"dt": "string"}
_EVERY_COLUMN: Final = re.compile(r"select\s+(\w+\.)?\*", re.IGNORECASE)
_TYPED_ANEW: Final = ("TIMESTAMP", "DECIMAL")
"""What Athena answers as moments in UTC and as numbers."""
_WORD: Final = re.compile(r"[a-z_0-9]+")
_Digests = tuple[int, tuple[tuple[str, bytes], ...]]
"""Rows of one writing, and the digest of each of its columns."""
LakeKey = tuple[object, ...]
"""A query, and the values of the columns that it names."""


class ArrowLake:
    """QueryEngine over parts of tables; `compose` says which parts the lake consists of."""

    def __init__(self) -> None:
        self._connection = connect_duckdb()
        self._connection.execute("SET threads = 1")
        # every answer names its order
        self._connection.execute("SET preserve_insertion_order = false")
        # a lake in memory writes no file; without this every INSERT packs its table anew
        self._connection.execute("SET checkpoint_threshold = '100GB'")
        self._connection.execute("CREATE SCHEMA parts")
        self._layout: dict[str, tuple[str, ...]] = {}
        self._contents: dict[tuple[str, str], list[_Digests]] = {}
        self._answers: dict[LakeKey, list[dict[str, object]]] = {}
        for table in TABLES:
            self._create_part(table, "none")
        self.compose(dict.fromkeys(TABLES, ()))

    def put(self, table: str, part: str, rows: pa.Table) -> None:
        """Add rows to a part of a table, a new one if there is none of that name.

        Raises: BadInput when the lake has no such table.
        """
        if table not in TABLES:
            raise BadInput(f"the lake has no table {table!r}; it has {sorted(TABLES)}")
        name = _part_name(table, part)
        self._connection.register("incoming", rows)
        if (table, part) in self._contents:
            self._connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming")  # noqa: S608 - one of our tables
        else:  # the table made of its rows: a third of what an INSERT into an empty one costs
            chosen = ", ".join(_chosen_columns(table, there=rows.column_names))
            self._connection.execute(f"CREATE TABLE {name} AS SELECT {chosen} FROM incoming")  # noqa: S608 - declared names only
        self._connection.unregister("incoming")
        self._contents.setdefault((table, part), []).append(_digest_columns(rows))

    def compose(self, layout: Mapping[str, Sequence[str]]) -> None:
        """Let the named tables consist of these parts, in this order; the others stay."""
        for table, parts in layout.items():
            if self._layout.get(table) == tuple(parts):
                continue
            chosen = [_part_name(table, part) for part in parts or ["none"]]
            union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in chosen)  # noqa: S608 - names of our own
            self._connection.execute(f"CREATE OR REPLACE VIEW {table} AS {union}")
            self._layout[table] = tuple(parts)

    def drop(self, part: str) -> None:
        """Forget a part of all tables that have it; no layout may name it any more."""
        for table, held in sorted(self._contents):
            if held == part:
                self._connection.execute(f"DROP TABLE {_part_name(table, part)}")
                del self._contents[table, part]

    def run(self, sql: str) -> list[dict[str, object]]:
        """Return the rows of one Athena SELECT; moments are aware, in UTC.

        Raises: DependencyError with the engine's message, as Athena would fail the query.
        """
        key = self.key_of(sql)
        if key not in self._answers:
            self._answers[key] = self._ask(sql)
        return [dict(row) for row in self._answers[key]]

    def knows(self, sql: str) -> bool:
        """Tell whether the answer is known already."""
        return self.key_of(sql) in self._answers

    def learn(self, sql: str, rows: Sequence[Row]) -> None:
        """Take rows for the answer to a query over the lake as it is composed now."""
        self._answers[self.key_of(sql)] = [dict(row) for row in rows]

    def key_of(self, sql: str) -> LakeKey:
        """Return what stands for the answer: same key, same rows."""
        words = _words_of(sql)
        return (sql, *(self._values_of(table, words) for table in sorted(TABLES.keys() & words)))

    def forget_answers(self) -> None:
        """Forget what was answered: windows that nobody asks about again."""
        self._answers.clear()

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._answers.clear()

    def _values_of(self, table: str, words: frozenset[str]) -> tuple[object, ...]:
        """Return what tells whether the named columns of a table hold the same values."""
        return tuple(
            (count, *(digest for name, digest in columns if "*" in words or name in words))
            for part in self._layout[table]
            for count, columns in self._contents[table, part]
        )

    def _ask(self, sql: str) -> list[dict[str, object]]:
        try:
            question = translate_moments(sql)
            answer = self._connection.execute(question.statement, question.values)
            columns = [(name, str(kind)) for name, kind, *_ in answer.description]
            rows = answer.fetchall()
        except (BadInput, duckdb.Error) as error:
            raise DependencyError(f"query failed: {error}") from error
        names = [name for name, _ in columns]
        found = [dict(zip(names, row, strict=True)) for row in rows]
        for name in (name for name, kind in columns if kind.startswith(_TYPED_ANEW)):
            for row in found:
                row[name] = _typed(row[name])
        return found

    def _create_part(self, table: str, part: str) -> None:
        typed = ", ".join(_chosen_columns(table, there=()))
        self._connection.execute(
            f"CREATE TABLE {_part_name(table, part)} AS SELECT {typed} LIMIT 0"
        )


@lru_cache(maxsize=1_024)
def _words_of(sql: str) -> frozenset[str]:
    """Return what a query may name: tables, columns, '*' for every column."""
    every = {"*"} if _EVERY_COLUMN.search(sql) else set()
    return frozenset(_WORD.findall(sql)) | every


def _chosen_columns(table: str, *, there: Sequence[str]) -> Iterator[str]:
    """Yield the declared columns of a table, typed; null what is not there."""
    for name, kind in {**dict(glue_columns(TABLES[table])), **_PARTITION}.items():
        value = f'"{name}"' if name in there else "NULL"
        yield f'CAST({value} AS {duckdb_type(kind)}) AS "{name}"'


def _digest_columns(rows: pa.Table) -> _Digests:
    return rows.num_rows, tuple(
        (name, _digest(column))
        for name, column in zip(rows.column_names, rows.columns, strict=True)
    )


def _digest(column: pa.ChunkedArray) -> bytes:
    """Name a column's values; equal names are equal values (unequal ones may be equal, too)."""
    digest = hashlib.sha256(str(column.type).encode())
    for chunk in column.chunks:
        digest.update(f"{chunk.offset}:{len(chunk)}".encode())
        for buffer in chunk.buffers():
            digest.update(b"none" if buffer is None else memoryview(buffer))
    return digest.digest()


def _part_name(table: str, part: str) -> str:
    quoted = part.replace('"', '""')
    return f'parts."{table}:{quoted}"'


def _typed(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return float(value) if isinstance(value, Decimal) else value
