"""Small things to put into an emulator and questions to ask it, for the laptop stage's tests."""

import base64
import http.client
import io
import json
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from urllib.parse import urlsplit

from infra.local.clients import make_client

ROLE = "arn:aws:iam::000000000000:role/anybody"


def make_function(endpoint: str, name: str, code: str, *, role: str = ROLE) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", code)
    make_client("lambda", endpoint).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handler.handle",
        Role=role,
        Timeout=10,
        Code={"ZipFile": packed.getvalue()},
    )


def make_role(endpoint: str, name: str, *, actions: Sequence[str], resource: str = "*") -> str:
    """A role for functions that may do these actions on the resource; returns its ARN."""
    iam = make_client("iam", endpoint)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_policy({**trust, "Action": "sts:AssumeRole"}),
    )
    grant = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    iam.put_role_policy(RoleName=name, PolicyName="grant", PolicyDocument=_policy(grant))
    return str(made["Role"]["Arn"])


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


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


def send(
    url: str, *, method: str = "POST", headers: Mapping[str, str] | None = None, body: str = "{}"
) -> tuple[int, str]:
    """Send one HTTP request to this machine; return status and body."""
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)) as line:
        line.request(method, parts.path, body=body, headers=dict(headers or {}))
        answer = line.getresponse()
        return answer.status, answer.read().decode()


def fetch_token(outputs: Mapping[str, str], *, scope: str) -> str:
    """Sign the API's machine client in for one scope."""
    client = make_client("cognito-idp", outputs["endpoint"]).describe_user_pool_client(
        UserPoolId=outputs["user_pool_id"], ClientId=outputs["client_id"]
    )["UserPoolClient"]
    secret = base64.b64encode(f"{client['ClientId']}:{client['ClientSecret']}".encode()).decode()
    headers = {
        "Authorization": f"Basic {secret}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    form = f"grant_type=client_credentials&scope=recsysops/{scope}"
    _, body = send(outputs["token_url"], headers=headers, body=form)
    return str(json.loads(body)["access_token"])


def make_stream(endpoint: str, table: str) -> None:
    """A Firehose stream that turns JSON lines into Parquet rows of the table in `shop`."""
    conversion = {
        "Enabled": True,
        "SchemaConfiguration": {"DatabaseName": "shop", "TableName": table, "RoleARN": ROLE},
        "InputFormatConfiguration": {
            "Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False}}
        },
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
    }
    make_client("firehose", endpoint).create_delivery_stream(
        DeliveryStreamName=table,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::lake",
            "Prefix": f"{table}/dt=!{{timestamp:yyyy-MM-dd}}/",
            "ErrorOutputPrefix": f"errors/{table}/",
            "DataFormatConversionConfiguration": conversion,
        },
    )


def put_lines(endpoint: str, stream: str, lines: str) -> None:
    make_client("firehose", endpoint).put_record(
        DeliveryStreamName=stream, Record={"Data": lines.encode()}
    )
