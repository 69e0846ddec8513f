"""How a record of the request log becomes a Glue table with projected day partitions."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct
from recsysops.request_log.records import LogRecord
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import PARQUET_TABLES

PARTITION = "dt"
FIRST_DAY = "2024-01-01"

_HADOOP = "org.apache.hadoop"
_STORAGE_FORMATS = {
    "parquet": (
        f"{_HADOOP}.hive.ql.io.parquet.MapredParquetInputFormat",
        f"{_HADOOP}.hive.ql.io.parquet.MapredParquetOutputFormat",
        f"{_HADOOP}.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "json": (
        f"{_HADOOP}.mapred.TextInputFormat",
        f"{_HADOOP}.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
}


def make_table(
    scope: Construct,
    name: str,
    *,
    record: type[LogRecord],
    database: glue.CfnDatabase,
    bucket: s3.IBucket,
) -> glue.CfnTable:
    """Make the Glue table of one record type at s3://<bucket>/<name>/dt=YYYY-MM-DD/."""
    location = bucket.s3_url_for_object(f"{name}/")
    table_format = "parquet" if name in PARQUET_TABLES else "json"
    return glue.CfnTable(
        scope,
        f"{name.title().replace('_', '')}Table",
        catalog_id=Aws.ACCOUNT_ID,
        database_name=database.ref,
        table_input=glue.CfnTable.TableInputProperty(
            name=name,
            description=(record.__doc__ or "").partition("\n")[0],
            table_type="EXTERNAL_TABLE",
            partition_keys=[glue.CfnTable.ColumnProperty(name=PARTITION, type="string")],
            parameters=_projection(location, table_format),
            storage_descriptor=_storage(record, location, table_format),
        ),
    )


def _projection(location: str, table_format: str) -> dict[str, str]:
    return {
        "classification": table_format,
        "projection.enabled": "true",
        f"projection.{PARTITION}.type": "date",
        f"projection.{PARTITION}.format": "yyyy-MM-dd",
        f"projection.{PARTITION}.range": f"{FIRST_DAY},NOW+1DAYS",
        "storage.location.template": f"{location}{PARTITION}=${{{PARTITION}}}/",
    }


def _storage(
    record: type[LogRecord], location: str, table_format: str
) -> glue.CfnTable.StorageDescriptorProperty:
    input_format, output_format, library = _STORAGE_FORMATS[table_format]
    return glue.CfnTable.StorageDescriptorProperty(
        columns=[
            glue.CfnTable.ColumnProperty(name=name, type=kind, comment=_comment(record, name))
            for name, kind in glue_columns(record)
        ],
        location=location,
        input_format=input_format,
        output_format=output_format,
        serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=library),
        compressed=table_format == "json",
    )


def _comment(record: type[LogRecord], column: str) -> str:
    return (record.model_fields[column].description or "")[:255]
