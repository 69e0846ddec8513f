"""Athena queries, answer by answer (moto returns no rows), and their values by type."""

from __future__ import annotations

from datetime import UTC, date, datetime

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from recsysops.adapters.athena_queries import AthenaQueries
from recsysops.adapters.athena_values import read_value
from recsysops.errors import DependencyError
from recsysops.request_log.records import FullRequest
from recsysops.request_log.schema import decode_record, to_row

COLUMNS = [("item_id", "varchar"), ("n", "bigint"), ("share", "double"), ("ids", "array")]


@pytest.fixture
def client():
    return boto3.client("athena")


@pytest.fixture
def stubber(client):
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def queries(client) -> AthenaQueries:
    return AthenaQueries(client, workgroup="wg", database="lake", sleep=lambda _: None)


def add_start(stubber: Stubber) -> None:
    stubber.add_response(
        "start_query_execution",
        {"QueryExecutionId": "q-1"},
        {
            "QueryString": "SELECT 1",
            "QueryExecutionContext": {"Database": "lake"},
            "WorkGroup": "wg",
        },
    )


def add_states(stubber: Stubber, *states: str, reason: str | None = None) -> None:
    for state in states:
        status = {"State": state, **({"StateChangeReason": reason} if reason else {})}
        stubber.add_response("get_query_execution", {"QueryExecution": {"Status": status}})


def add_page(stubber: Stubber, rows, *, token: str | None = None, ask: str | None = None) -> None:
    cells = [[{} if cell is None else {"VarCharValue": cell} for cell in row] for row in rows]
    info = [{"Name": name, "Type": kind} for name, kind in COLUMNS]
    stubber.add_response(
        "get_query_results",
        {
            "ResultSet": {
                "Rows": [{"Data": row} for row in cells],
                "ResultSetMetadata": {"ColumnInfo": info},
            },
            **({"NextToken": token} if token else {}),
        },
        {"QueryExecutionId": "q-1", **({"NextToken": ask} if ask else {})},
    )


HEADER = tuple(name for name, _ in COLUMNS)


def test_rows_of_all_pages_come_back_typed_without_the_header(stubber, queries) -> None:
    add_start(stubber)
    add_states(stubber, "QUEUED", "RUNNING", "SUCCEEDED")
    add_page(stubber, [HEADER, ("1029", "3", "0.1", "[a, null]")], token="t")
    add_page(stubber, [(None, None, "NaN", "[]"), HEADER[:1] + (None,) * 3], ask="t")
    first, second, third = queries.run("SELECT 1")
    assert first == {"item_id": "1029", "n": 3, "share": 0.1, "ids": ["a", None]}
    assert (second["item_id"], second["n"], second["ids"]) == (None, None, [])
    assert third["item_id"] == "item_id", "only the first page has a header"


def test_a_query_without_rows_gives_none(stubber, queries) -> None:
    add_start(stubber)
    add_states(stubber, "SUCCEEDED")
    add_page(stubber, [HEADER])
    assert queries.run("SELECT 1") == []


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_failed_query_tells_athenas_reason(stubber, queries, state) -> None:
    add_start(stubber)
    add_states(stubber, "RUNNING")
    add_states(stubber, state, reason="COLUMN_NOT_FOUND: line 1:8")
    with pytest.raises(DependencyError, match=f"q-1 {state.lower()}: COLUMN_NOT_FOUND"):
        queries.run("SELECT 1")


def test_a_query_that_outlasts_the_limit_is_stopped(stubber, client) -> None:
    clock = iter([0.0, 1.0, 99.0])
    queries = AthenaQueries(
        client, workgroup="wg", database="lake", limit_seconds=10.0,
        sleep=lambda _: None, monotonic=lambda: next(clock),
    )  # fmt: skip
    add_start(stubber)
    add_states(stubber, "RUNNING", "RUNNING")
    stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": "q-1"})
    with pytest.raises(DependencyError, match="longer than 10 s and was stopped"):
        queries.run("SELECT 1")


def test_results_of_a_query_that_another_started_are_read_by_its_id(stubber, queries) -> None:
    add_page(stubber, [HEADER, ("1", "2", "3", "[]")])
    assert queries.results("q-1")[0]["n"] == 2


@pytest.mark.parametrize("method", ["start_query_execution", "get_query_execution"])
def test_throttling_is_a_dependency_error(stubber, queries, method) -> None:
    if method == "get_query_execution":
        add_start(stubber)
    stubber.add_client_error(method, "TooManyRequestsException", "slow down")
    with pytest.raises(DependencyError, match="TooManyRequestsException"):
        queries.run("SELECT 1")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (None, "bigint", None),
        ("", "varchar", ""),
        ("007", "varchar", "007"),
        ("-3", "integer", -3),
        ("1.0E-5", "double", 1e-5),
        ("true", "boolean", True),
        ("1.20", "decimal", 1.2),
        ("2026-01-02", "date", date(2026, 1, 2)),
        ("2026-01-02 03:04:05.678", "timestamp", datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2026-01-02 03:04:05.678 UTC", "timestamp with time zone",
         datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ('{"a": 1}', "json", {"a": 1}),
        ("{a=1}", "row", "{a=1}"),
    ],
)  # fmt: skip
def test_values_are_typed_by_their_column(text, kind, value) -> None:
    assert read_value(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [("x", "bigint"), ("yes", "boolean"), ("1", "array"), ("1.x", "decimal"), ("now", "timestamp")],
)
def test_a_text_that_is_no_value_of_its_type_is_an_error(text, kind) -> None:
    with pytest.raises(DependencyError, match=kind):
        read_value(text, kind)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_exact(value: float) -> None:
    assert read_value(repr(value), "double") == value


def test_a_full_record_read_through_athena_is_the_record_written() -> None:
    record = FullRequest(
        request_id="r-1", event_time=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        surface="home", member="p", member_group=3, member_known=True, member_vector="AAAA",
        context="{}", limit=2, candidates=[], excluded=["17", "260"], model_id="m-1",
        delta_id="d-1", flag_version="", hotfix_ids=[], explore_rate=0.1, arm="greedy",
        eligible_count=2, shortlist=["1029", "50"], scores=[0.1 + 0.2, 1e-17],
        blocks=["genre", "popularity"], contributions=[0.1, 0.2, -5e-324, 1e300], shown=["1029"],
        propensities=[0.95], status="ok", fallback_reason=None, code_version="0.1.0",
        fingerprint="numpy", stratum="a/b", inclusion_probability=0.25, input_digest="00",
        traffic="live",
    )  # fmt: skip
    assert decode_record(FullRequest, athena_row(to_row(record))) == record


def athena_row(row) -> dict[str, object]:
    """Write values as Athena does and read them back through the adapter."""
    return {name: read_value(*athena_cell(name, value)) for name, value in row.items()}


def athena_cell(name: str, value: object) -> tuple[str | None, str]:
    if value is None:
        return None, "varchar"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]", "array"
    if isinstance(value, bool):
        return str(value).lower(), "boolean"
    kind = "timestamp" if name == "event_time" else type(value).__name__
    return str(value), {"int": "bigint", "float": "double", "str": "varchar"}.get(kind, kind)
