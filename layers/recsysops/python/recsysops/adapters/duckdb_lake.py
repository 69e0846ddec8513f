"""The lake in process: log lines and result tables in a folder, read by Athena SQL in DuckDB.

Tests, previews and faults-check run the workflows of the deployed system over it. Rows become
columns once, when the next query after their writing runs, typed by the same Glue declarations
as in AWS; the emulator's Athena reads the same SQL through the same translation.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Final

import duckdb

from recsysops.adapters.duckdb_sql import (
    connect_duckdb,
    duckdb_type,
    render_table_relation,
    translate_athena_sql,
)
from recsysops.adapters.lake_objects import encode_rows, lake_key
from recsysops.errors import BadInput, DependencyError
from recsysops.ports import Clock, LogStream, Row
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES

_PARTITION: Final = {"dt": "string"}


class DuckDbLake:
    """QueryEngine, LogSink, DurableLog and LakeWriter over one local folder.

    Args:
        folder: where objects are kept as `<table>/dt=<day>/…`; what lies there is read. None:
            a temporary folder that goes when the lake is closed or forgotten.
        clock: tells the day of ingest of log lines.
    """

    def __init__(self, folder: Path | None = None, *, clock: Clock) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="recsysops-lake-"))
        self._forget = None if folder else weakref.finalize(self, _delete_folder, self.folder)
        self._clock = clock
        self._lock = RLock()
        self._pending: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._connection = connect_duckdb()
        self._create_tables()
        self._unread = sorted(self.folder.glob("*/dt=*/*.json*"))
        self._written = len(self._unread)

    def write(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Keep the lines; the next query reads them."""
        with self._lock:
            self._pending[stream, f"{self._clock().astimezone(UTC):%Y-%m-%d}"].extend(lines)

    def defer(self, work: Callable[[], None]) -> None:
        """Work at once."""
        work()

    def append(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Keep the lines and write them to the folder before returning."""
        with self._lock:
            self.write(stream, lines)
            self.flush()

    def flush(self) -> None:
        """Write what is pending, one object per table and day of ingest."""
        with self._lock:
            for (stream, day), lines in self._pending.items():
                self._written += 1
                path = self.folder / stream / f"dt={day}" / f"log-{self._written:06d}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(lines) + "\n")
                self._unread.append(path)
            self._pending.clear()

    def write_rows(
        self, table: str, *, rows: Sequence[Row], ingest_time: datetime, name: str
    ) -> str:
        """Write one object; the same name on the same day replaces itself; returns its key.

        Raises: BadInput when the lake has no such table; BadData when a row is no JSON.
        """
        if table not in TABLES:
            raise BadInput(f"the lake has no table {table!r}; it has {sorted(TABLES)}")
        key = lake_key(table, ingest_time=ingest_time, name=name)
        path = self.folder / key
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_rows(rows))
            self._unread.append(path)
        return key

    def run(self, sql: str) -> list[dict[str, object]]:
        """Return the rows of one Athena SELECT; moments are aware, in UTC.

        Raises: DependencyError with the engine's message, as Athena would fail the query.
        """
        with self._lock:
            try:
                self.flush()
                self._read_new_objects()
                answer = self._connection.execute(translate_athena_sql(sql))
                names = [column[0] for column in answer.description]
                rows = answer.fetchall()
            except (duckdb.Error, BadInput) as error:
                raise DependencyError(f"query failed: {error}") from error
        return [dict(zip(names, map(_typed, row), strict=True)) for row in rows]

    def close(self) -> None:
        """Forget the tables, and the folder when it was temporary."""
        self._connection.close()
        if self._forget:
            self._forget()

    def __enter__(self) -> DuckDbLake:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _create_tables(self) -> None:
        self._connection.execute("CREATE SCHEMA objects")
        for table, columns in _COLUMNS.items():
            declared = {**columns, **_PARTITION}
            typed = ", ".join(f'"{name}" {duckdb_type(kind)}' for name, kind in declared.items())
            named = ", ".join(f'"{name}"' for name in declared)
            self._connection.execute(f"CREATE TABLE objects.{table} ({typed}, _object VARCHAR)")
            self._connection.execute(
                f"CREATE VIEW {table} AS SELECT {named} FROM objects.{table}"  # noqa: S608 - declared names only
            )

    def _read_new_objects(self) -> None:
        # an object leaves the list only once it was read: a bad one fails every query, as in Athena
        self._unread = list(dict.fromkeys(self._unread))
        while self._unread:
            self._read_object(self._unread[0])
            del self._unread[0]

    def _read_object(self, path: Path) -> None:
        table = path.relative_to(self.folder).parts[0]
        if table not in _COLUMNS:
            return
        relation = render_table_relation(
            _COLUMNS[table], file_format="json", files=[str(path)], partition_keys=_PARTITION
        )
        key = str(path.relative_to(self.folder))
        self._connection.execute(
            f"DELETE FROM objects.{table} WHERE _object = ?",  # noqa: S608 - one of our tables
            [key],
        )
        self._connection.execute(
            f"INSERT INTO objects.{table} SELECT *, ? FROM {relation}",  # noqa: S608 - names and paths are quoted
            [key],
        )


def _delete_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _typed(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return float(value) if isinstance(value, Decimal) else value


_COLUMNS: Final = {table: dict(glue_columns(record)) for table, record in TABLES.items()}
