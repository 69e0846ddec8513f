"""Every shim works, and the emulator as shipped still needs it; else the shim is to be removed."""

import base64
import gzip
import json
from pathlib import Path
from typing import ClassVar

import pytest

from infra.local.clients import make_client
from infra.local.emulator import start_emulator, stop_emulator
from infra.local.layout import Layout
from infra.local.ports import find_free_port
from infra.local.shims import NAMES, install_shims
from infra.local.shims.patching import ShimOutdatedError, find_part, replace_text, wrap_part
from tests.integration.laptop.scenes import (
    invoke,
    make_bucket,
    make_function,
    make_role,
    make_state_machine,
    make_stream,
    make_table,
    put_lines,
    query,
    run_state_machine,
)

pytestmark = pytest.mark.laptop

ODD_ERROR = "class OddError(Exception): pass\ndef handle(event, context): raise OddError('no')"
EMF_LINE = {
    "_aws": {
        "Timestamp": 0,
        "CloudWatchMetrics": [
            {
                "Namespace": "Shop",
                "Dimensions": [["service"]],
                "Metrics": [{"Name": "Sold", "Unit": "Count"}],
            }
        ],
    },
    "service": "till",
    "Sold": [3, 4],
}
EMF_HANDLER = f"import json\ndef handle(event, context): print(json.dumps({EMF_LINE!r}))"
LATE_LINE = """
import sys, threading, time
def handle(event, context):
    print("early")
    time.sleep(0)
    sys.stdout.flush()
    threading.Event().wait(0.03)
    print("late")
    return "done"
"""


def remove(shim: str) -> str:
    return f"the emulator no longer needs it: remove shim {shim}"


class TestAthenaDialect:
    SQL = "SELECT 7 / 2 AS whole, cardinality(zip_with(ARRAY[1], ARRAY[2], (x, y) -> x + y)) AS n"

    def test_sql_means_what_trino_means(self, corrected: str) -> None:
        assert query(corrected, self.SQL) == [["3", "1"]]

    def test_a_statement_that_is_no_select_fails_by_name(self, corrected: str) -> None:
        assert "only SELECT" in query(corrected, "INSERT INTO t VALUES (1)")

    def test_upstream_still_needs_it(self, upstream: str) -> None:
        assert query(upstream, "SELECT 7 / 2 AS half") == [["3.5"]], remove("athena_dialect")
        assert "zip_with" in str(query(upstream, self.SQL)), remove("athena_dialect")


class TestTypedTables:
    COLUMNS: ClassVar = {"item_id": "string", "price": "double", "genres": "array<string>"}

    def fill(self, endpoint: str, table: str) -> None:
        make_table(endpoint, table, columns=self.COLUMNS)
        body = gzip.compress(json.dumps({"item_id": "0017", "price": 1}).encode() + b"\n")
        make_client("s3", endpoint).put_object(
            Bucket="lake", Key=f"{table}/dt=2026-01-02/a.json.gz", Body=body
        )

    def test_columns_have_glue_types_and_may_be_absent(self, corrected: str) -> None:
        self.fill(corrected, "items")
        assert query(corrected, "SELECT item_id, price, genres, dt FROM items") == [
            ["0017", "1.0", None, "2026-01-02"]
        ]

    def test_a_table_without_files_keeps_nested_types(self, corrected: str) -> None:
        make_table(corrected, "no_items", columns=self.COLUMNS)
        assert query(corrected, "SELECT sum(cardinality(genres)) AS n FROM no_items") == [[None]]

    def test_upstream_still_needs_it(self, upstream: str) -> None:
        self.fill(upstream, "items")
        make_table(upstream, "no_items", columns=self.COLUMNS)
        guessed = query(upstream, "SELECT price FROM items")
        missing = query(upstream, "SELECT genres FROM items")
        untyped = query(upstream, "SELECT cardinality(genres) AS n FROM no_items")
        assert guessed == [["1"]], remove("typed_tables")
        assert "genres" in str(missing), remove("typed_tables")
        assert "Cardinality can only" in str(untyped), remove("typed_tables")


class TestFirehoseBulk:
    COLUMNS: ClassVar = {
        "item_id": "string",
        "price": "double",
        "genres": "array<string>",
        "counts": "map<string,bigint>",
        "sold_at": "timestamp",
    }
    SQL = "SELECT item_id, price, cardinality(genres) AS n, sold_at FROM {table} ORDER BY item_id"
    LINES = (
        '{"item_id": "0017", "price": 1, "genres": ["a", "b"],'
        ' "sold_at": "2026-01-02 03:04:05.678"}\n'
        '{"item_id": 18, "unknown": true, "counts": {"a": 1}}\n'
    )
    ROWS: ClassVar = [["0017", "1.0", "2", "2026-01-02 03:04:05.678000"], ["18", None, None, None]]

    def deliver(self, endpoint: str, table: str, lines: str) -> list[str]:
        """Return where the objects of the table and of its errors came to lie."""
        make_table(endpoint, table, columns=self.COLUMNS, file_format="parquet")
        make_stream(endpoint, table)
        put_lines(endpoint, table, lines)
        listed = make_client("s3", endpoint).list_objects_v2(Bucket="lake").get("Contents", [])
        return [entry["Key"] for entry in listed if table in entry["Key"]]

    def test_lines_become_the_same_rows_as_one_by_one(self, corrected: str, upstream: str) -> None:
        for endpoint in (corrected, upstream):
            self.deliver(endpoint, "delivered", self.LINES)
        sql = self.SQL.format(table="delivered")
        assert query(corrected, sql) == self.ROWS
        slow = query(upstream, sql.replace("cardinality", "len"))
        assert slow == self.ROWS

    @pytest.mark.parametrize(
        ("table", "lines"),
        [
            ("mistyped", '{"price": "dear"}\n'),
            ("no_json", "price: 1\n"),
            ("a_list", '[{"price": 1}]\n'),
        ],
    )
    def test_what_does_not_fit_goes_to_the_errors(
        self, corrected: str, table: str, lines: str
    ) -> None:
        (key,) = self.deliver(corrected, table, lines)
        assert key.startswith(f"errors/{table}/")

    def test_objects_on_one_line_are_still_read(self, corrected: str) -> None:
        self.deliver(corrected, "packed", '{"item_id": "a"}{"item_id": "b"}')
        assert query(corrected, "SELECT count(*) AS n FROM packed") == [["2"]]

    def test_upstream_still_needs_it(self) -> None:
        from inspect import getsource

        from ministack.services import firehose

        assert "executemany" in getsource(firehose._convert_to_parquet), remove("firehose_bulk")


class TestFirehoseMemory:
    def saved_records(self, root: Path, *, shims: tuple[str, ...]) -> str:
        """Put one record, stop, and return what was saved about streams."""
        layout = Layout(root=root)
        emulator = start_emulator(layout, port=find_free_port(), shims=shims)
        try:
            make_bucket(emulator.endpoint, "lake")
            make_table(emulator.endpoint, "kept", columns={"item_id": "string"})
            make_stream(emulator.endpoint, "kept")
            put_lines(emulator.endpoint, "kept", '{"item_id": "17"}')
        finally:
            stop_emulator(layout)
        return (layout.state / "firehose.json").read_text()

    RECORD = base64.b64encode(b'{"item_id": "17"}').decode()

    def test_delivered_records_are_forgotten(self, tmp_path: Path) -> None:
        assert self.RECORD not in self.saved_records(tmp_path, shims=("all",))

    def test_upstream_still_needs_it(self, tmp_path: Path) -> None:
        assert self.RECORD in self.saved_records(tmp_path, shims=()), remove("firehose_memory")


class TestAthenaSavedState:
    def saves_workgroups(self, root: Path, *, shims: tuple[str, ...]) -> bool:
        """Answer a query with a moment, stop, and tell whether the workgroup was saved."""
        layout = Layout(root=root)
        emulator = start_emulator(layout, port=find_free_port(), shims=shims)
        try:
            make_client("athena", emulator.endpoint).create_work_group(
                Name="kept",
                Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/answers/"}},
            )
            make_bucket(emulator.endpoint, "lake")
            query(emulator.endpoint, "SELECT timestamp '2026-01-02 03:04:05' AS moment")
        finally:
            stop_emulator(layout)
        saved = layout.state / "athena.json"
        return saved.exists() and "s3://lake/answers/" in saved.read_text()

    def test_workgroups_outlive_a_restart_after_any_query(self, tmp_path: Path) -> None:
        assert self.saves_workgroups(tmp_path, shims=("all",))

    def test_upstream_still_needs_it(self, tmp_path: Path) -> None:
        assert not self.saves_workgroups(tmp_path, shims=()), remove("athena_saved_state")


class TestWorkerLogs:
    def lines_of(self, endpoint: str, name: str) -> list[str]:
        make_function(endpoint, name, LATE_LINE)
        invoke(endpoint, name)
        events = make_client("logs", endpoint).filter_log_events(
            logGroupName=f"/aws/lambda/{name}"
        )["events"]
        told = [event["message"] for event in events]
        return [line for line in told if not line.startswith(("START", "END", "REPORT"))]

    def test_a_late_line_belongs_to_its_own_invocation(self, corrected: str) -> None:
        assert self.lines_of(corrected, "late_line") == ["early", "late"]

    def test_the_mark_itself_is_never_shown_even_after_an_open_line(self, corrected: str) -> None:
        make_function(corrected, "open_line", "def handle(event, context): print('open', end='')")
        invoke(corrected, "open_line")
        events = make_client("logs", corrected).filter_log_events(
            logGroupName="/aws/lambda/open_line"
        )["events"]
        assert [event["message"] for event in events][1] == "open"

    def test_upstream_still_needs_it(self) -> None:
        """As shipped, it polls for silence: 50 ms for a handler that logs nothing."""
        from inspect import signature

        from ministack.core.lambda_runtime import Worker

        waits = signature(Worker._drain_stderr_bounded).parameters
        assert waits["first_line_wait"].default >= 0.05, remove("worker_logs")


class TestLambdaErrorType:
    def test_the_class_of_an_exception_is_told(self, corrected: str) -> None:
        make_function(corrected, "odd", ODD_ERROR)
        assert invoke(corrected, "odd") == {"errorMessage": "no", "errorType": "OddError"}

    def test_a_state_machine_catches_by_class(self, corrected: str) -> None:
        make_function(corrected, "odd_task", ODD_ERROR)
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "odd_task", "Payload": {}},
            "Catch": [{"ErrorEquals": ["OddError"], "Next": "Caught"}],
            "End": True,
        }
        arn = make_state_machine(corrected, "catcher", {"Try": task, "Caught": {"Type": "Succeed"}})
        assert run_state_machine(corrected, arn)["status"] == "SUCCEEDED"

    def test_upstream_still_needs_it(self, upstream: str) -> None:
        make_function(upstream, "odd", ODD_ERROR)
        answer = invoke(upstream, "odd")
        assert answer["errorType"] == "Runtime.HandlerError", remove("lambda_error_type")


class TestEmfMetrics:
    def sold(self, endpoint: str) -> list[float]:
        make_function(endpoint, "till", EMF_HANDLER)
        invoke(endpoint, "till")
        points = make_client("cloudwatch", endpoint).get_metric_statistics(
            Namespace="Shop",
            MetricName="Sold",
            Dimensions=[{"Name": "service", "Value": "till"}],
            StartTime="2020-01-01",
            EndTime="2100-01-01",
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return [point["Sum"] for point in points]

    def test_an_embedded_metric_is_recorded(self, corrected: str) -> None:
        assert self.sold(corrected) == [7.0]

    def test_upstream_still_needs_it(self, upstream: str) -> None:
        assert self.sold(upstream) == [], remove("emf_metrics")


class TestSfnAthenaSync:
    def run(self, endpoint: str, name: str, *, sql: str) -> dict[str, str]:
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
            "Parameters": {
                "QueryString": sql,
                "ResultConfiguration": {"OutputLocation": "s3://lake/results/"},
            },
            "End": True,
        }
        return run_state_machine(endpoint, make_state_machine(endpoint, name, {"Ask": task}))

    def test_a_state_machine_waits_for_a_query(self, corrected: str) -> None:
        done = self.run(corrected, "asks", sql="SELECT 1 AS one")
        assert done["status"] == "SUCCEEDED"
        assert json.loads(done["output"])["QueryExecution"]["Status"]["State"] == "SUCCEEDED"

    def test_a_failed_query_fails_the_task_with_its_reason(self, corrected: str) -> None:
        done = self.run(corrected, "asks_badly", sql="SELECT nothing FROM nowhere")
        assert (done["status"], done["error"]) == ("FAILED", "States.TaskFailed")
        assert "nowhere" in done["cause"]

    def test_upstream_still_needs_it(self, upstream: str) -> None:
        done = self.run(upstream, "asks", sql="SELECT 1 AS one")
        assert done["status"] == "FAILED", remove("sfn_athena_sync")


class TestLoopbackIsSecure:
    """That it works is shown by test_least_privilege: every bucket of the app asks for TLS."""

    ONLY_TLS: ClassVar = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    LISTER = """
import boto3
def handle(event, context):
    try:
        return boto3.client("s3").list_objects_v2(Bucket="lake")["KeyCount"]
    except Exception as error:
        return str(error)
"""

    def test_upstream_still_needs_it(self, upstream_guarded: str) -> None:
        s3 = make_client("s3", upstream_guarded)
        s3.put_bucket_policy(Bucket="lake", Policy=json.dumps(self.ONLY_TLS))
        role = make_role(upstream_guarded, "lister", actions=["s3:ListBucket"])
        make_function(upstream_guarded, "lister", self.LISTER, role=role)
        assert "explicit deny" in str(invoke(upstream_guarded, "lister")), remove(
            "loopback_is_secure"
        )
        s3.delete_bucket_policy(Bucket="lake")
        assert invoke(upstream_guarded, "lister") == 0


class TestAthenaQueryOwner:
    """That it works is shown by test_served_world: its functions read what they asked."""

    ASKER = """
import boto3
def handle(event, context):
    athena = boto3.client("athena")
    try:
        started = athena.start_query_execution(QueryString="SELECT 1 AS one", WorkGroup="primary",
            ResultConfiguration={"OutputLocation": "s3://lake/results/"})
        athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])
    except Exception as error:
        return str(error)
"""

    def test_upstream_still_needs_it(self, upstream_guarded: str) -> None:
        workgroup = "arn:aws:athena:us-east-1:000000000000:workgroup/primary"
        role = make_role(upstream_guarded, "asker", actions=["athena:*"], resource=workgroup)
        make_function(upstream_guarded, "asker", self.ASKER, role=role)
        refusal = str(invoke(upstream_guarded, "asker"))
        assert "not authorized to perform: athena:GetQueryExecution" in refusal, remove(
            "athena_query_owner"
        )


class TestPatching:
    class Part:
        text = "a b a"

    def test_a_part_that_vanished_is_named(self) -> None:
        with pytest.raises(ShimOutdatedError, match="'gone'"):
            find_part(self.Part, "gone")

    def test_a_text_that_changed_is_named(self) -> None:
        with pytest.raises(ShimOutdatedError, match="'a'"):
            replace_text(self.Part, "text", old="a", new="c")

    def test_only_functions_are_wrapped(self) -> None:
        with pytest.raises(ShimOutdatedError, match="no longer a function"):
            wrap_part(self.Part, "text", lambda part: part)

    def test_every_module_in_the_folder_is_a_named_shim(self) -> None:
        folder = Path(install_shims.__code__.co_filename).parent
        modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "patching"}
        assert modules == set(NAMES)
