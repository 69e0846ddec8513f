"""Data at rest: private, encrypted, kept as long as declared, readable by SQL."""

from __future__ import annotations

import pytest
from recsysops.model.delta import POINTER_KEY, delta_key
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import PARQUET_TABLES, TABLES

from infra.settings import AWS

from .conftest import Assembly, Resource

pytestmark = pytest.mark.xdist_group("infra")

KEYS = {
    "Members": ["member_id"],
    "Items": ["item_id"],
    "Models": ["model_id"],
    "Incidents": ["incident_id"],
    "AuditTrail": ["deployment_id"],
}


def tables(aws: Assembly) -> dict[str, Resource]:
    found = aws.resources("AWS::Glue::Table").values()
    return {part["Properties"]["TableInput"]["Name"]: part for part in found}


@pytest.mark.parametrize("name", KEYS)
def test_a_table_has_its_key_and_can_be_restored_to_any_second(aws: Assembly, name: str) -> None:
    table = aws.one("AWS::DynamoDB::Table", containing=f"Tables{name}")
    properties = table["Properties"]
    assert [key["AttributeName"] for key in properties["KeySchema"]] == KEYS[name]
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionPolicy"] == "Retain"


def test_items_and_models_never_expire_and_members_rows_only_where_they_say_when(
    aws: Assembly,
) -> None:
    for name in ("Items", "Models"):
        table = aws.one("AWS::DynamoDB::Table", containing=f"Tables{name}")
        assert "TimeToLiveSpecification" not in table["Properties"]
    # rows that only anonymous feedback made; any other writer removes the attribute
    members = aws.one("AWS::DynamoDB::Table", containing="TablesMembers")["Properties"]
    assert members["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_changed_items_trigger_a_delta_and_what_fails_is_kept(aws: Assembly) -> None:
    items = aws.one("AWS::DynamoDB::Table", containing="TablesItems")["Properties"]
    assert items["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    trigger = aws.one("AWS::Lambda::EventSourceMapping")["Properties"]
    assert trigger["BisectBatchOnFunctionError"] is True
    assert "DeltaFailures" in str(trigger["DestinationConfig"]["OnFailure"])


def test_buckets_are_private_and_encrypted(aws: Assembly) -> None:
    for name, bucket in aws.resources("AWS::S3::Bucket").items():
        properties = bucket["Properties"]
        assert all(properties["PublicAccessBlockConfiguration"].values()), name
        assert properties["BucketEncryption"], name
        assert bucket["DeletionPolicy"] == "Retain", name


def test_artefacts_keep_their_versions(aws: Assembly) -> None:
    bucket = aws.one("AWS::S3::Bucket", containing="Artefacts")["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_full_records_expire_because_they_hold_member_vectors(aws: Assembly) -> None:
    lake = aws.one("AWS::S3::Bucket", containing="LakeStore")["Properties"]
    days = {
        rule["Prefix"]: rule["ExpirationInDays"]
        for rule in lake["LifecycleConfiguration"]["Rules"]
        if "Prefix" in rule
    }
    assert days["full_requests/"] == AWS.retention.full_requests_days
    assert days["full_requests/"] < days["slim_requests/"]


@pytest.mark.parametrize("name", TABLES)
def test_a_glue_table_has_the_columns_of_its_record(aws: Assembly, name: str) -> None:
    columns = tables(aws)[name]["Properties"]["TableInput"]["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in columns] == glue_columns(TABLES[name])
    assert all(column["Comment"] for column in columns)


@pytest.mark.parametrize("name", TABLES)
def test_a_glue_table_projects_its_days(aws: Assembly, name: str) -> None:
    table = tables(aws)[name]["Properties"]["TableInput"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["dt"]
    assert table["Parameters"]["projection.enabled"] == "true"
    template = str(table["Parameters"]["storage.location.template"])
    assert f"/{name}/dt=${{dt}}/" in template


@pytest.mark.parametrize("name", TABLES)
def test_streamed_tables_are_parquet_and_batch_tables_json(aws: Assembly, name: str) -> None:
    parameters = tables(aws)[name]["Properties"]["TableInput"]["Parameters"]
    assert parameters["classification"] == ("parquet" if name in PARQUET_TABLES else "json")


@pytest.mark.parametrize("name", PARQUET_TABLES)
def test_a_stream_converts_by_the_tables_own_schema(aws: Assembly, name: str) -> None:
    streams = aws.resources("AWS::KinesisFirehose::DeliveryStream").values()
    (destination,) = [
        part["Properties"]["ExtendedS3DestinationConfiguration"]
        for part in streams
        if part["Properties"]["ExtendedS3DestinationConfiguration"]["Prefix"].startswith(name)
    ]
    assert destination["Prefix"] == f"{name}/dt=!{{timestamp:yyyy-MM-dd}}/"
    conversion = destination["DataFormatConversionConfiguration"]
    assert conversion["Enabled"] is True
    assert conversion["SchemaConfiguration"]["TableName"] == name


def test_every_query_runs_under_the_workgroups_scan_limit(aws: Assembly) -> None:
    configuration = aws.one("AWS::Athena::WorkGroup")["Properties"]["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == AWS.athena_scan_limit_mb * 2**20


def test_logs_do_not_live_for_ever(aws: Assembly) -> None:
    for name, group in aws.resources("AWS::Logs::LogGroup").items():
        assert group["Properties"]["RetentionInDays"] == AWS.retention.logs_days, name


def test_deltas_outlive_the_records_that_are_replayed_from_them_and_pointers_live_for_ever(
    aws: Assembly,
) -> None:
    bucket = aws.one("AWS::S3::Bucket", containing="ArtefactsStore")["Properties"]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    days = {
        rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule
    }
    assert days == {"deltas/": AWS.retention.deltas_days}
    assert AWS.retention.deltas_days >= AWS.retention.full_requests_days + 30
    assert delta_key("d-1").startswith("deltas/")
    assert not POINTER_KEY.startswith(tuple(days))
