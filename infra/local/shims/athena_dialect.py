"""Shim: the emulator hands Athena SQL to DuckDB as it stands; here it is translated first.

Missing upstream: Trino's functions, integer division, whole-unit date_diff, UTC.
"""

from collections.abc import Awaitable, Callable

import duckdb
from ministack.services import athena
from recsysops.adapters.duckdb_sql import install_trino_semantics, translate_athena_sql

from infra.local.shims.patching import wrap_part

RunQuery = Callable[[str, str | None, str | None], Awaitable[dict[str, object]]]
Connect = Callable[..., duckdb.DuckDBPyConnection]


def install() -> None:
    """Translate every query and teach every connection what Trino knows."""
    wrap_part(athena, "_run_duckdb", _translate_first)
    wrap_part(duckdb, "connect", _teach_connections)


def _translate_first(run: RunQuery) -> RunQuery:
    async def run_translated(
        query: str, database: str | None, catalog: str | None = None
    ) -> dict[str, object]:
        return await run(translate_athena_sql(query), database, catalog)

    return run_translated


def _teach_connections(connect: Connect) -> Connect:
    def connect_and_teach(*args: object, **options: object) -> duckdb.DuckDBPyConnection:
        connection = connect(*args, **options)
        install_trino_semantics(connection)
        return connection

    return connect_and_teach
