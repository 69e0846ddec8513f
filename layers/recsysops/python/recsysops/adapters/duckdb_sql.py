"""Knows how Athena (Trino) SQL and Glue tables read as DuckDB, for the laptop and the tests.

Both laptop readers of the lake use this one module: the emulator's Athena and the in-process
lake, so that a query means the same in both. What stays different from Trino: an integer
division by zero is NULL here and an error there; a weighted `approx_percentile` ignores weights.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from recsysops.adapters.flat_unnest import flatten_unnest
from recsysops.errors import BadInput

TableFormat = Literal["json", "parquet"]

_SEARCHED_EDGES: Final = 31


def _search_edges(first: int, last: int) -> str:
    """Return how many of ascending `bins` are at most x, by halves; a missing edge is above it.

    A third of what a lambda over all edges costs.
    """
    if first > last:
        return f"CAST({last} AS BIGINT)"
    middle = (first + last) // 2
    above, below = _search_edges(middle + 1, last), _search_edges(first, middle - 1)
    return f"CASE WHEN bins[{middle}] <= x THEN {above} ELSE {below} END"


# What Trino has and DuckDB lacks, where a macro says it exactly.
_MACROS: Final = (
    "map_agg(k, v) AS map(list(k), list(v))",
    "infinity() AS 'inf'::DOUBLE",
    "nan() AS 'nan'::DOUBLE",
    "width_bucket(x, lo, hi, n) AS CASE WHEN x IS NULL THEN NULL WHEN x < lo THEN 0"
    " WHEN x >= hi THEN n + 1 ELSE CAST(floor((x - lo) * n / CAST(hi - lo AS DOUBLE)) AS BIGINT)"
    " + 1 END, (x, bins) AS CASE WHEN x IS NULL OR bins IS NULL THEN NULL"
    f" WHEN len(bins) > {_SEARCHED_EDGES} THEN len(list_filter(bins, lambda edge: edge <= x))"
    f" ELSE {_search_edges(1, _SEARCHED_EDGES)} END",
    "from_base(s, radix) AS list_reduce(list_transform(string_split(lower(s), ''),"
    " lambda c: CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS BIGINT)),"
    " lambda total, digit: total * radix + digit)",
)
# Trino divides integers as integers, and Athena's clock is UTC.
_SETTINGS: Final = ("SET integer_division = true", "SET TimeZone = 'UTC'")

_DUCKDB_BY_GLUE: Final[Mapping[str, str]] = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "binary": "BLOB",
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
}


def connect_duckdb() -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that answers like Athena: its functions, integer division, UTC."""
    connection = duckdb.connect(":memory:")
    install_trino_semantics(connection)
    return connection


def install_trino_semantics(connection: duckdb.DuckDBPyConnection) -> None:
    """Give an open connection Trino's missing functions and settings."""
    for setting in _SETTINGS:
        connection.execute(setting)
    for macro in _MACROS:
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")


def translate_athena_sql(sql: str) -> str:
    """Return one Athena SELECT as DuckDB SQL.

    Raises:
        BadInput: the text is no single SELECT (or WITH) statement that the parser knows.
    """
    try:
        tree = sqlglot.parse_one(sql, read="athena")
        if not isinstance(tree, exp.Query):
            raise BadInput(
                f"only SELECT can be translated, this is {type(tree).__name__}: {sql[:200]!r}"
            )
        flatten_unnest(tree)
        return _rewrite_tree(tree).sql("duckdb")
    except SqlglotError as error:
        raise BadInput(f"cannot translate this Athena SQL: {error}") from error


def duckdb_type(glue_type: str) -> str:
    """Return the DuckDB type of a Glue (Hive) column type, nested types included.

    >>> duckdb_type("array<struct<item_id:string,score:double>>")
    'STRUCT("item_id" VARCHAR, "score" DOUBLE)[]'

    Raises:
        BadInput: the type is none that the lake's tables may use.
    """
    text = glue_type.strip().lower()
    if nested := re.fullmatch(r"(array|map|struct)<(.*)>", text, flags=re.DOTALL):
        return _NESTED[nested[1]](_split_top_level(nested[2]))
    if text.startswith("decimal"):
        return text.upper()
    base = text.split("(", maxsplit=1)[0].strip()
    if base not in _DUCKDB_BY_GLUE:
        raise BadInput(f"Glue type {glue_type!r} is unknown; allowed: {sorted(_DUCKDB_BY_GLUE)}")
    return _DUCKDB_BY_GLUE[base]


def render_table_relation(
    columns: Mapping[str, str],
    *,
    file_format: TableFormat,
    files: Sequence[str],
    partition_keys: Mapping[str, str] | None = None,
) -> str:
    """Return a DuckDB relation that reads a Glue table's files with exactly its declared columns.

    `columns` and `partition_keys` map names to Glue types; `files` are local paths, with
    `key=value` folders for partitions. A declared column that no file carries reads as NULL, as
    in Athena, so that tables may grow by nullable columns; without files the relation is empty.
    """
    keys = dict(partition_keys or {})
    declared = {name: duckdb_type(kind) for name, kind in {**columns, **keys}.items()}
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {_quote(name)}" for name, kind in declared.items())
    if not files:
        return f"(SELECT {empty} WHERE FALSE)"
    reader = _READERS[file_format](columns, files=files, keys=keys)
    typed = ", ".join(
        f"CAST({_quote(name)} AS {kind}) AS {_quote(name)}" for name, kind in declared.items()
    )
    grown = f"SELECT * FROM {reader} UNION ALL BY NAME SELECT {empty} WHERE FALSE"  # noqa: S608 - every name and path is quoted
    return f"(SELECT {typed} FROM ({grown}))"  # noqa: S608 - every name and type is ours


def _rewrite_tree(tree: exp.Expr) -> exp.Expr:
    """Rewrite from the leaves up, so that a rewritten call may stand inside another."""
    for node in reversed(list(tree.walk())):
        if rewrite := _REWRITES.get(_function_name(node)):
            node.replace(rewrite(node.copy()))
    return tree


def _function_name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).upper()
    return node.sql_name() if isinstance(node, exp.Func) else ""


def _rewrite_zip_with(node: exp.Expr) -> exp.Expr:
    """Zip first, then transform the pairs: x is the pair's first field, y its second."""
    left, right, function = node.expressions
    names = [variable.name for variable in function.expressions]
    pair = f"_{'_'.join(names)}"  # differs from the pair of a call around this one
    body = function.this.transform(lambda part: _replace_variable(part, names=names, pair=pair))
    pairs = exp.Anonymous(this="list_zip", expressions=[left, right])
    return exp.Anonymous(
        this="list_transform",
        expressions=[pairs, exp.Lambda(this=body, expressions=[exp.to_identifier(pair)])],
    )


def _replace_variable(node: exp.Expr, *, names: Sequence[str], pair: str) -> exp.Expr:
    is_variable = isinstance(node, exp.Column) or (
        isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column)
    )
    if not is_variable or node.name not in names:
        return node
    field = exp.Literal.number(names.index(node.name) + 1)
    return exp.Anonymous(this="struct_extract", expressions=[exp.column(pair), field])


def _match_over(fold: str, *, empty: bool, negate: bool = False) -> Callable[[exp.Expr], exp.Expr]:
    """any_match/all_match/none_match: transform the list, then fold its booleans."""

    def rewrite(node: exp.Expr) -> exp.Expr:
        checks = exp.Anonymous(this="list_transform", expressions=list(node.expressions))
        folded = exp.Anonymous(this=fold, expressions=[checks])
        # an empty list folds to NULL in DuckDB; Trino says FALSE for any, TRUE for all
        whole = exp.If(
            this=exp.EQ(
                this=exp.Anonymous(this="len", expressions=[checks.copy()]),
                expression=exp.Literal.number(0),
            ),
            true=exp.Boolean(this=empty),
            false=folded,
        )
        return exp.Not(this=exp.Paren(this=whole)) if negate else whole

    return rewrite


def _rewrite_date_diff(node: exp.Expr) -> exp.Expr:
    """Trino counts whole units between two moments; DuckDB's date_diff counts boundaries."""
    unit = node.args["unit"].name.lower()
    return exp.Anonymous(
        this="date_sub",
        expressions=[exp.Literal.string(unit), node.expression.copy(), node.this.copy()],
    )


def _rewrite_cardinality(node: exp.Expr) -> exp.Expr:
    """Count arrays and maps alike; signed, so that differences of two counts may be negative."""
    count = exp.Anonymous(this="cardinality", expressions=[node.this])
    return exp.Cast(this=count, to=exp.DataType.build("bigint"))


def _array_type(parts: list[str]) -> str:
    return f"{duckdb_type(','.join(parts))}[]"


def _map_type(parts: list[str]) -> str:
    key, value = parts[0], ",".join(parts[1:])
    return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"


def _struct_type(parts: list[str]) -> str:
    pairs = (part.split(":", maxsplit=1) for part in parts)
    fields = ", ".join(f"{_quote(name.strip())} {duckdb_type(kind)}" for name, kind in pairs)
    return f"STRUCT({fields})"


def _split_top_level(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _read_json(columns: Mapping[str, str], *, files: Sequence[str], keys: Mapping[str, str]) -> str:
    types = ", ".join(
        f"{_literal(name)}: {_literal(duckdb_type(kind))}" for name, kind in columns.items()
    )
    return (
        f"read_json({_list_literal(files)}, format = 'newline_delimited', columns = {{{types}}},"
        f" {_hive_options(files, keys=keys)})"
    )


def _read_parquet(
    columns: Mapping[str, str], *, files: Sequence[str], keys: Mapping[str, str]
) -> str:
    del columns  # Parquet files carry their own
    hive = _hive_options(files, keys=keys)
    return f"read_parquet({_list_literal(files)}, union_by_name = true, {hive})"


def _hive_options(files: Sequence[str], *, keys: Mapping[str, str]) -> str:
    """DuckDB refuses a type for a partition key that some path does not carry."""
    carried = [key for key in keys if all(f"/{key}=" in path for path in files)]
    if not carried:
        return "hive_partitioning = false"
    types = ", ".join(f"{_literal(key)}: {duckdb_type(keys[key])}" for key in carried)
    return f"hive_partitioning = true, hive_types = {{{types}}}"


def _list_literal(paths: Sequence[str]) -> str:
    return f"[{', '.join(map(_literal, paths))}]"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_NESTED: Final = {"array": _array_type, "map": _map_type, "struct": _struct_type}
_READERS: Final = {"json": _read_json, "parquet": _read_parquet}


def _rewrite_quantile(node: exp.Expr) -> exp.Expr:
    """An exact quantile: sketches cost as much, and tell another one for another order of rows."""
    return exp.Anonymous(this="quantile_disc", expressions=[node.this, node.args["quantile"]])


_REWRITES: Final[Mapping[str, Callable[[exp.Expr], exp.Expr]]] = {
    "ZIP_WITH": _rewrite_zip_with,
    "ANY_MATCH": _match_over("list_bool_or", empty=False),
    "ALL_MATCH": _match_over("list_bool_and", empty=True),
    "NONE_MATCH": _match_over("list_bool_or", empty=False, negate=True),
    exp.ApproxQuantile.sql_name(): _rewrite_quantile,
    exp.DateDiff.sql_name(): _rewrite_date_diff,
    exp.ArraySize.sql_name(): _rewrite_cardinality,
}
