"""Firehose streams that turn JSON log lines into Parquet by the tables' own schema."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledgements import acknowledge_wildcards
from infra.components.glue_tables import PARTITION
from infra.components.lake import DATABASE, DELIVERY_ERRORS, Lake
from infra.components.log_groups import retention_of
from infra.components.python_function import PythonFunction
from infra.settings import StageSettings

Destination = firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty
Conversion = firehose.CfnDeliveryStream.DataFormatConversionConfigurationProperty


class RequestLogStream(Construct):
    """One stream into one Parquet table; functions know it by RECSYSOPS_<NAME>_STREAM."""

    def __init__(
        self, scope: Construct, name: str, *, table: str, lake: Lake, settings: StageSettings
    ) -> None:
        super().__init__(scope, name.title())
        self.variable = f"{name.upper()}_STREAM"
        self.table = table
        self._lake = lake
        self._log_group, self._log_stream = self._make_logs(settings)
        self.role = self._make_role()
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=_encryption(),
            extended_s3_destination_configuration=self._destination(settings),
        )
        self.stream.node.add_dependency(self.role, lake.tables[table])

    def allow(self, function: PythonFunction) -> None:
        """Let a function put records."""
        function.know(self.variable, self.stream.ref)
        function.allow("firehose:PutRecordBatch", on=[self.stream.attr_arn])

    def allow_describing(self, function: PythonFunction) -> None:
        """Let a function ask whether the stream takes records."""
        function.know(self.variable, self.stream.ref)
        function.allow("firehose:DescribeDeliveryStream", on=[self.stream.attr_arn])

    def _make_logs(self, settings: StageSettings) -> tuple[logs.LogGroup, logs.LogStream]:
        group = logs.LogGroup(
            self,
            "Logs",
            retention=retention_of(settings.retention.logs_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        return group, logs.LogStream(
            self, "LogStream", log_group=group, removal_policy=RemovalPolicy.DESTROY
        )

    def _make_role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("firehose.amazonaws.com"))
        for actions, resources in self._needs():
            role.add_to_principal_policy(
                iam.PolicyStatement(actions=list(actions), resources=list(resources))
            )
        acknowledge_wildcards(
            role,
            [self._lake.store.spell(prefix) for prefix in self._prefixes],
            because="Firehose names objects by arrival time below the stream's own prefixes.",
        )
        return role

    @property
    def _prefixes(self) -> tuple[str, str]:
        return f"{self.table}/", f"{DELIVERY_ERRORS}{self.table}/"

    def _needs(self) -> list[tuple[Sequence[str], Sequence[str]]]:
        bucket = self._lake.store.bucket
        log_stream = self._log_stream.log_stream_name
        return [
            (
                ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
                [bucket.bucket_arn],
            ),
            (
                ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"),
                [bucket.arn_for_objects(f"{prefix}*") for prefix in self._prefixes],
            ),
            (
                ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"),
                self._lake.catalogue_arns([self.table]),
            ),
            (("logs:PutLogEvents",), [f"{self._log_group.log_group_arn}:log-stream:{log_stream}"]),
        ]

    def _destination(self, settings: StageSettings) -> Destination:
        prefix, error_prefix = self._prefixes
        stream = firehose.CfnDeliveryStream
        return Destination(
            bucket_arn=self._lake.store.bucket.bucket_arn,
            role_arn=self.role.role_arn,
            prefix=f"{prefix}{PARTITION}=!{{timestamp:yyyy-MM-dd}}/",
            error_output_prefix=f"{error_prefix}!{{firehose:error-output-type}}/"
            f"{PARTITION}=!{{timestamp:yyyy-MM-dd}}/",
            buffering_hints=stream.BufferingHintsProperty(
                # 64 MB is the least that Parquet conversion takes
                interval_in_seconds=settings.delivery_buffer_seconds,
                size_in_m_bs=64,
            ),
            cloud_watch_logging_options=stream.CloudWatchLoggingOptionsProperty(
                enabled=True,
                log_group_name=self._log_group.log_group_name,
                log_stream_name=self._log_stream.log_stream_name,
            ),
            compression_format="UNCOMPRESSED",  # Parquet compresses inside
            data_format_conversion_configuration=self._conversion(),
        )

    def _conversion(self) -> Conversion:
        stream = firehose.CfnDeliveryStream
        return Conversion(
            enabled=True,
            input_format_configuration=stream.InputFormatConfigurationProperty(
                deserializer=stream.DeserializerProperty(
                    open_x_json_ser_de=stream.OpenXJsonSerDeProperty(case_insensitive=False)
                )
            ),
            output_format_configuration=stream.OutputFormatConfigurationProperty(
                serializer=stream.SerializerProperty(
                    parquet_ser_de=stream.ParquetSerDeProperty(compression="SNAPPY")
                )
            ),
            schema_configuration=stream.SchemaConfigurationProperty(
                catalog_id=Aws.ACCOUNT_ID,
                database_name=DATABASE,
                table_name=self.table,
                region=Aws.REGION,
                role_arn=self.role.role_arn,
                version_id="LATEST",
            ),
        )


class RequestLogStreams(Construct):
    """Slim lines, full records, shadow rankings, searches, feedback and what consumers showed."""

    def __init__(
        self, scope: Construct, construct_id: str, *, lake: Lake, settings: StageSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.slim = RequestLogStream(
            self, "slim", table="slim_requests", lake=lake, settings=settings
        )
        self.full = RequestLogStream(
            self, "full", table="full_requests", lake=lake, settings=settings
        )
        self.shadow = RequestLogStream(
            self, "shadow", table="shadow_requests", lake=lake, settings=settings
        )
        self.similar = RequestLogStream(
            self, "similar", table="similar_requests", lake=lake, settings=settings
        )
        self.feedback = RequestLogStream(
            self, "feedback", table="feedback", lake=lake, settings=settings
        )
        self.consumer = RequestLogStream(
            self, "consumer", table="consumer_logs", lake=lake, settings=settings
        )

    @property
    def every(self) -> tuple[RequestLogStream, ...]:
        """All streams."""
        return self.slim, self.full, self.shadow, self.similar, self.feedback, self.consumer


def _encryption() -> firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty:
    return firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
        key_type="AWS_OWNED_CMK"
    )
