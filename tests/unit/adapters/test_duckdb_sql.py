"""Athena SQL means in DuckDB what it means in Trino; Glue tables read with declared types."""

# ruff: noqa: S608 - the tests write their own SQL

import datetime as dt
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.duckdb_sql import (
    connect_duckdb,
    duckdb_type,
    render_table_relation,
    translate_athena_sql,
)
from recsysops.errors import BadInput

ROWS = "(VALUES (1, 10, 'a', ARRAY[1e0, 2e0]), (2, 20, 'b', ARRAY[3e0])) AS t (i, n, s, xs)"


def answer(sql: str) -> list[tuple[object, ...]]:
    with connect_duckdb() as connection:
        return connection.execute(translate_athena_sql(sql)).fetchall()


# Each expected value was worked out by hand from the Trino 4xx documentation of the function.
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("7 / 2e0", 3.5),
        ("count(*) / count(*)", 1),
        ("map_agg(s, n)", {"a": 10, "b": 20}),
        ("cardinality(map(ARRAY['a'], ARRAY[1]))", 1),
        ("cardinality(ARRAY[1]) - cardinality(ARRAY[1, 2])", -1),
        ("zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> x * y)", [3, 8]),
        ("zip_with(ARRAY[1], zip_with(ARRAY[2], ARRAY[3], (a, b) -> a * b), (x, y) -> x + y)", [7]),
        ("cardinality(zip_with(ARRAY[1], ARRAY[2], (x, y) -> x + y))", 1),
        (
            "zip_with(ARRAY[1], ARRAY[2], (x, y) -> any_match(ARRAY[3], z -> z = x + y))",
            [True],
        ),
        ("any_match(ARRAY[1, 2], x -> x > 1)", True),
        ("all_match(ARRAY[1, 2], x -> x > 1)", False),
        ("none_match(ARRAY[1, 2], x -> x > 2)", True),
        ("any_match(CAST(ARRAY[] AS array(integer)), x -> x > 1)", False),
        ("all_match(CAST(ARRAY[] AS array(integer)), x -> x > 1)", True),
        ("none_match(CAST(ARRAY[] AS array(integer)), x -> x > 1)", True),
        ("width_bucket(10e0, 0e0, 100e0, 10)", 2),
        ("width_bucket(-1e0, 0e0, 100e0, 10)", 0),
        ("width_bucket(100e0, 0e0, 100e0, 10)", 11),
        ("width_bucket(15e0, ARRAY[5e0, 15e0, 25e0])", 2),
        ("width_bucket(4e0, ARRAY[5e0, 15e0, 25e0])", 0),
        ("width_bucket(4e0, CAST(NULL AS array(double)))", None),
        ("width_bucket(40e0, transform(sequence(1, 50), n -> n * 1e0))", 40),
        ("from_base('ff', 16)", 255),
        ("is_nan(nan())", True),
        ("infinity() > 1e0", True),
        ("date_diff('day', TIMESTAMP '2026-01-01 23:00:00', TIMESTAMP '2026-01-02 01:00:00')", 0),
        (
            "date_diff('second', TIMESTAMP '2026-01-01 23:00:00', TIMESTAMP '2026-01-02 01:00:00')",
            7200,
        ),
        ("reduce(ARRAY[1e0, 2e0], 0e0, (total, x) -> total + x, total -> total)", 3.0),
        (
            "CAST(date_parse('2026-01-02 03:04', '%Y-%m-%d %H:%i') AS varchar)",
            "2026-01-02 03:04:00",
        ),
        ('json_extract_scalar(\'{"a": {"b": "x"}}\', \'$.a.b\')', "x"),
        ("max_by(s, n)", "b"),
        ("count_if(n > 10)", 1),
        ("to_hex(md5(to_utf8('abc')))", "900150983CD24FB0D6963F7D28E17F72"),
    ],
)
def test_an_expression_answers_as_in_trino(expression: str, expected: object) -> None:
    assert answer(f"SELECT {expression} AS value FROM {ROWS}")[0] == (expected,)


@pytest.mark.parametrize("count", [0, 1, 19, 31])
def test_a_bucket_is_where_a_sorted_search_puts_the_number(count: int) -> None:
    edges = np.arange(count, dtype=np.float64)
    numbers = [-1.0, 0.0, 0.5, 7.0, 18.0, 30.0, 99.0, float("inf")]
    bins = f"CAST(ARRAY[{', '.join(f'{edge}e0' for edge in edges)}] AS array(double))"
    asked = ", ".join(f"({x}e0)" for x in numbers[:-1]) + ", (infinity())"
    found = answer(f"SELECT width_bucket(x, {bins}) AS value FROM (VALUES {asked}) AS t(x)")
    assert [row[0] for row in found] == np.searchsorted(edges, numbers, side="right").tolist()


def test_parallel_arrays_unnest_by_position() -> None:
    sql = f"""
        SELECT i, k, xs[k] AS x FROM {ROWS}
        CROSS JOIN UNNEST(sequence(1, cardinality(xs))) AS u (k) ORDER BY i, k
    """
    assert answer(sql) == [(1, 1, 1.0), (1, 2, 2.0), (2, 1, 3.0)]


@pytest.mark.parametrize("sql", ["SELECT FROM WHERE", "DROP TABLE t", "SELECT 1; SELECT 2", ""])
def test_what_is_no_single_select_is_refused(sql: str) -> None:
    with pytest.raises(BadInput):
        translate_athena_sql(sql)


@pytest.mark.parametrize(
    ("glue", "duck"),
    [
        ("string", "VARCHAR"),
        ("bigint", "BIGINT"),
        ("decimal(10,2)", "DECIMAL(10,2)"),
        ("varchar(8)", "VARCHAR"),
        ("array<array<double>>", "DOUBLE[][]"),
        ("map<string,array<int>>", "MAP(VARCHAR, INTEGER[])"),
        ("struct<a:int,b:struct<c:string,d:decimal(3,1)>>",
         'STRUCT("a" INTEGER, "b" STRUCT("c" VARCHAR, "d" DECIMAL(3,1)))'),
    ],
)  # fmt: skip
def test_a_glue_type_has_one_duckdb_type(glue: str, duck: str) -> None:
    assert duckdb_type(glue) == duck


def test_an_unknown_glue_type_is_named() -> None:
    with pytest.raises(BadInput, match="uniontype"):
        duckdb_type("uniontype<int,string>")


COLUMNS = {"item_id": "string", "score": "double", "genres": "array<string>", "born": "timestamp"}


def write_json_lines(path: Path, rows: list[dict[str, object]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return str(path)


def read(relation: str) -> list[tuple[object, ...]]:
    with connect_duckdb() as connection:
        return connection.execute(f"SELECT * FROM {relation}").fetchall()


def test_json_lines_keep_declared_types_where_inference_would_guess(tmp_path: Path) -> None:
    """Ids of digits stay text, whole scores stay doubles, partitions come from the folder."""
    rows = [{"item_id": "0017", "score": 1, "born": "2026-01-02T03:04:05"}]
    file = write_json_lines(tmp_path / "dt=2026-01-02" / "a.json.gz", rows)
    relation = render_table_relation(
        COLUMNS, file_format="json", files=[file], partition_keys={"dt": "string"}
    )
    born = dt.datetime.fromisoformat("2026-01-02T03:04:05")
    assert read(relation) == [("0017", 1.0, None, born, "2026-01-02")]


def test_a_table_may_grow_by_a_column_that_old_parquet_files_lack(tmp_path: Path) -> None:
    file = str(tmp_path / "old.parquet")
    with connect_duckdb() as connection:
        connection.execute(f"COPY (SELECT 'a' AS item_id) TO '{file}' (FORMAT parquet)")
    relation = render_table_relation(COLUMNS, file_format="parquet", files=[file])
    assert read(relation) == [("a", None, None, None)]


def test_a_table_without_files_is_empty_and_keeps_its_nested_types() -> None:
    relation = render_table_relation(COLUMNS, file_format="json", files=[])
    with connect_duckdb() as connection:
        rows = connection.execute(f"SELECT sum(len(genres)), count(*) FROM {relation}").fetchall()
    assert rows == [(None, 0)]


def test_a_line_that_is_no_json_fails_the_query(tmp_path: Path) -> None:
    path = tmp_path / "bad.json.gz"
    path.write_bytes(gzip.compress(b"not json\n"))
    relation = render_table_relation(COLUMNS, file_format="json", files=[str(path)])
    with connect_duckdb() as connection, pytest.raises(Exception, match="JSON"):
        connection.execute(f"SELECT * FROM {relation}").fetchall()


_LISTS = (
    "lists AS (SELECT * FROM (VALUES (1, ARRAY[3, 1], ARRAY['p']), (2, ARRAY[], ARRAY['q', 'r']))"
)
_LISTS += " AS t(id, xs, ys)), numbers AS (SELECT id, xs AS s, ys FROM lists)"


@pytest.mark.parametrize(
    ("select", "expected", "flat"),
    [
        ("id, x FROM lists CROSS JOIN UNNEST(xs) AS u(x)", [(1, 1), (1, 3)], True),
        ("l.id, u.x AS y FROM lists l CROSS JOIN UNNEST(l.xs) AS u(x)", [(1, 1), (1, 3)], True),
        (
            "id, x, y FROM lists CROSS JOIN UNNEST(xs, ys) AS u(x, y)",
            [(1, 1, None), (1, 3, "p"), (2, None, "q"), (2, None, "r")],
            True,
        ),
        # the name of a column of the table, the list's own name qualified
        ("id, u.s FROM numbers CROSS JOIN UNNEST(numbers.s) AS u(s)", [(1, 1), (1, 3)], True),
        (
            "u.x, count(*) AS n, max(id) FROM lists CROSS JOIN UNNEST(ys) AS u(x) "
            "WHERE u.x <> 'q' GROUP BY u.x HAVING count(*) > 0",
            [("p", 1, 1), ("r", 1, 2)],
            True,
        ),
        ("* FROM lists CROSS JOIN UNNEST(xs) AS u(x) WHERE id = 3", [], False),
        (
            "id, x FROM lists CROSS JOIN UNNEST(xs) AS u(x) WHERE x IN (SELECT max(id) FROM lists)",
            [],
            False,
        ),
        (
            "id, n FROM lists CROSS JOIN UNNEST(ys) WITH ORDINALITY AS u(y, n)",
            [(1, 1), (2, 1), (2, 2)],
            False,
        ),
        (
            "approx_percentile(x, 0.5) FROM lists CROSS JOIN UNNEST(xs) AS u(x)",
            [(1,)],
            True,
        ),
        (
            "cardinality(filter(xs, x -> x > 1)), x FROM lists CROSS JOIN UNNEST(xs) AS u(x)",
            [(1, 1), (1, 3)],
            False,
        ),
    ],
)
def test_lists_are_unnested_by_the_select_that_reads_them_where_that_is_simple(
    select: str, expected: list[tuple[object, ...]], flat: bool
) -> None:
    translated = translate_athena_sql(f"WITH {_LISTS} SELECT {select}")
    assert ("unnested_" in translated) == flat
    assert sorted(connect_duckdb().execute(translated).fetchall(), key=repr) == expected


def test_a_quantile_does_not_depend_on_the_order_of_the_rows() -> None:
    values = [float(n * n % 9_973) for n in range(9_000)]
    sql = translate_athena_sql("SELECT approx_percentile(x, ARRAY[0.05, 0.5, 0.95]) AS q FROM told")
    answers = []
    for ordered in (values, sorted(values), sorted(values, reverse=True)):
        lake = connect_duckdb()
        lake.execute("CREATE TABLE told AS SELECT unnest(?) AS x", [ordered])
        answers += lake.execute(sql).fetchall()
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == [sorted(values)[place - 1] for place in (450, 4_500, 8_550)]
