"""QueryEngine over JSON lines in DuckDB, for workflow tests that must run real SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from recsysops.adapters.duckdb_sql import (
    connect_duckdb,
    render_table_relation,
    translate_athena_sql,
)
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES


class LakeQueries:
    """Runs shared-subset SQL over the rows it was given, partitioned by one ingest date."""

    def __init__(
        self, folder: Path, rows: Mapping[str, Sequence[Mapping[str, object]]], *, dt: str
    ) -> None:
        self._connection = connect_duckdb()
        self.asked: list[str] = []
        for table in TABLES:
            path = folder / table / f"dt={dt}" / "rows.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows.get(table, ())))
            relation = render_table_relation(
                dict(glue_columns(TABLES[table])),
                file_format="json",
                files=[str(path)] if rows.get(table) else [],
                partition_keys={"dt": "string"},
            )
            self._connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {relation}")  # noqa: S608 - a test's own

    def run(self, sql: str) -> list[dict[str, object]]:
        """Return rows with typed values."""
        self.asked.append(sql)
        result = self._connection.execute(translate_athena_sql(sql))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
