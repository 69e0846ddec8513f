"""The lake: one bucket, its Glue tables and the Athena workgroup that reads them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct
from recsysops.request_log.tables import TABLES

from infra.components.buckets import PrivateBucket, expire
from infra.components.glue_tables import make_table
from infra.components.python_function import PythonFunction
from infra.components.saved_queries import save_queries
from infra.settings import StageSettings

DATABASE = "recsysops"
WORKGROUP = "recsysops"
RESULTS = "athena-results/"
DELIVERY_ERRORS = "delivery-errors/"

QUERY_ACTIONS = (
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
)
READ_CATALOGUE_ACTIONS = ("glue:GetDatabase", "glue:GetTable", "glue:GetPartitions")


class Lake(Construct):
    """Where every log line and every batch result lies, readable by SQL."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        access_logs: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self.store = PrivateBucket(
            self,
            "Store",
            name="lake",
            access_logs=access_logs,
            lifecycle_rules=_lifecycle_rules(settings),
        )
        self.database = self._make_database()
        self.tables = {
            name: make_table(
                self, name, record=record, database=self.database, bucket=self.store.bucket
            )
            for name, record in TABLES.items()
        }
        self.workgroup = self._make_workgroup(settings)
        save_queries(self, database=self.database, workgroup=self.workgroup)

    def _make_database(self) -> glue.CfnDatabase:
        return glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=DATABASE, description="Requests, choices and forecasts of the recommender."
            ),
        )

    def _make_workgroup(self, settings: StageSettings) -> athena.CfnWorkGroup:
        workgroup = athena.CfnWorkGroup
        return athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=WORKGROUP,
            description="Audits and diagnosis; a query that scans more than the limit is stopped.",
            work_group_configuration=workgroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=settings.athena_scan_limit_mb * 1024 * 1024,
                engine_version=workgroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=workgroup.ResultConfigurationProperty(
                    output_location=self.store.bucket.s3_url_for_object(RESULTS),
                    encryption_configuration=workgroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_S3"
                    ),
                ),
            ),
        )

    @property
    def workgroup_arn(self) -> str:
        """The ARN of the workgroup, for grants."""
        return _arn(self, "athena", f"workgroup/{WORKGROUP}")

    @property
    def data_catalogue_arn(self) -> str:
        """The ARN of Athena's name for the Glue catalogue, which every query resolves."""
        return _arn(self, "athena", "datacatalog/AwsDataCatalog")

    def catalogue_arns(self, tables: Sequence[str]) -> list[str]:
        """Return the Glue ARNs that reading these tables' schemas needs."""
        return [
            _arn(self, "glue", "catalog"),
            _arn(self, "glue", f"database/{DATABASE}"),
            *(_arn(self, "glue", f"table/{DATABASE}/{table}") for table in tables),
        ]

    def allow_querying(self, function: PythonFunction, *tables: str) -> None:
        """Let a function run SQL over these tables."""
        self.allow_reading_results(function)
        function.allow(*QUERY_ACTIONS, on=[self.workgroup_arn])
        function.allow("athena:GetDataCatalog", on=[self.data_catalogue_arn])
        function.allow(*READ_CATALOGUE_ACTIONS, on=self.catalogue_arns(tables))
        self.store.allow(
            function,
            "PutObject",
            "AbortMultipartUpload",
            prefix=RESULTS,
            because="Athena names its result objects by query id.",
        )
        for table in tables:
            self.store.allow(
                function,
                "GetObject",
                prefix=f"{table}/",
                because="A query reads all objects of the partitions it names.",
            )

    def allow_reading_results(self, function: PythonFunction) -> None:
        """Let a function fetch the rows of queries that others started."""
        function.know("GLUE_DATABASE", DATABASE)
        function.know("ATHENA_WORKGROUP", WORKGROUP)
        function.allow(
            "athena:GetQueryExecution", "athena:GetQueryResults", on=[self.workgroup_arn]
        )
        function.allow("s3:GetBucketLocation", on=[self.store.bucket.bucket_arn])
        self.store.allow_listing(function)
        self.store.allow(
            function,
            "GetObject",
            prefix=RESULTS,
            because="Athena names its result objects by query id.",
        )

    def allow_writing(self, function: PythonFunction, table: str) -> None:
        """Let a batch job write its rows into one table."""
        self.store.allow(
            function,
            "PutObject",
            prefix=f"{table}/",
            because="Objects are named by ingest day and run.",
        )


def _lifecycle_rules(settings: StageSettings) -> list[s3.LifecycleRule]:
    keep = settings.retention
    return [
        expire("slim_requests/", days=keep.slim_requests_days),
        expire("full_requests/", days=keep.full_requests_days),
        expire("shadow_requests/", days=keep.shadow_requests_days),
        expire("similar_requests/", days=keep.similar_requests_days),
        expire("feedback/", days=keep.feedback_days),
        expire("consumer_logs/", days=keep.consumer_logs_days),
        expire("imports/", days=keep.imports_days),
        expire("import-results/", days=keep.imports_days),
        expire("item_snapshots/", days=keep.item_snapshots_days),
        expire(RESULTS, days=keep.athena_results_days),
        expire(DELIVERY_ERRORS, days=keep.delivery_errors_days),
    ]


def _arn(scope: Construct, service: str, resource: str) -> str:
    stack = Stack.of(scope)
    return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"
