"""Small things to put into an emulator and questions to ask it, for the laptop stage's tests."""

import io
import json
import time
import zipfile
from collections.abc import Mapping

from infra.local.clients import make_client

ROLE = "arn:aws:iam::000000000000:role/anybody"


def make_function(endpoint: str, name: str, code: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", code)
    make_client("lambda", endpoint).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handler.handle",
        Role=ROLE,
        Timeout=10,
        Code={"ZipFile": packed.getvalue()},
    )


def invoke(endpoint: str, name: str, event: object = None) -> object:
    answer = make_client("lambda", endpoint).invoke(FunctionName=name, Payload=json.dumps(event))
    return json.load(answer["Payload"])


def make_bucket(endpoint: str, name: str) -> None:
    make_client("s3", endpoint).create_bucket(Bucket=name)


def make_table(
    endpoint: str, name: str, *, columns: Mapping[str, str], file_format: str = "json"
) -> None:
    glue = make_client("glue", endpoint)
    if not any(found["Name"] == "shop" for found in glue.get_databases()["DatabaseList"]):
        glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(
        DatabaseName="shop",
        TableInput={
            "Name": name,
            "Parameters": {"classification": file_format},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
                "Location": f"s3://lake/{name}/",
            },
        },
    )


def start_query(
    endpoint: str, sql: str, *, database: str = "shop", workgroup: str | None = None
) -> str:
    chosen = (
        {"WorkGroup": workgroup}
        if workgroup
        else {"ResultConfiguration": {"OutputLocation": "s3://lake/results/"}}
    )
    started = make_client("athena", endpoint).start_query_execution(
        QueryString=sql, QueryExecutionContext={"Database": database}, **chosen
    )
    return str(started["QueryExecutionId"])


def query(
    endpoint: str, sql: str, *, database: str = "shop", workgroup: str | None = None
) -> list[list[str | None]] | str:
    """Return the rows as Athena's texts, or the reason why the query failed."""
    athena = make_client("athena", endpoint)
    query_id = start_query(endpoint, sql, database=database, workgroup=workgroup)
    while True:
        status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] == "FAILED":
            return str(status["StateChangeReason"])
        if status["State"] == "SUCCEEDED":
            break
        time.sleep(0.02)
    rows = athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in rows[1:]]


def run_state_machine(endpoint: str, arn: str, event: object = None) -> dict[str, str]:
    """Run it to its end; return status, output, error and cause as they are."""
    states = make_client("stepfunctions", endpoint)
    started = states.start_execution(stateMachineArn=arn, input=json.dumps(event or {}))
    while True:
        execution = states.describe_execution(executionArn=started["executionArn"])
        if execution["status"] != "RUNNING":
            return {key: execution.get(key) for key in ("status", "output", "error", "cause")}
        time.sleep(0.02)


def make_state_machine(endpoint: str, name: str, states: Mapping[str, object]) -> str:
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    created = make_client("stepfunctions", endpoint).create_state_machine(
        name=name, definition=definition, roleArn=ROLE
    )
    return str(created["stateMachineArn"])
