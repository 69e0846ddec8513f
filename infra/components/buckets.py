"""Private, encrypted buckets with access logs, and grants by prefix."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledgements import name_resource
from infra.components.python_function import PythonFunction


def make_access_logs(scope: Construct, construct_id: str, *, days: int) -> s3.Bucket:
    """Make the bucket that holds the other buckets' access logs for so many days."""
    return s3.Bucket(
        scope,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(days))],
        removal_policy=RemovalPolicy.RETAIN,
    )


class PrivateBucket(Construct):
    """One bucket that functions know by RECSYSOPS_<NAME>_BUCKET."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        access_logs: s3.IBucket,
        versioned: bool = False,
        lifecycle_rules: list[s3.LifecycleRule],
    ) -> None:
        super().__init__(scope, construct_id)
        self.variable = f"{name.upper()}_BUCKET"
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{name}/",
            lifecycle_rules=[_abort_uploads(), *lifecycle_rules],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def allow(self, function: PythonFunction, *verbs: str, prefix: str, because: str) -> None:
        """Let a function do these S3 actions (e.g. "GetObject") on the objects below a prefix."""
        function.know(self.variable, self.bucket.bucket_name)
        function.allow(
            *(f"s3:{verb}" for verb in verbs), on=[self.bucket.arn_for_objects(f"{prefix}*")]
        )
        function.acknowledge_wildcards([self.spell(prefix)], because=because)

    def allow_listing(self, function: PythonFunction) -> None:
        """Let a function list keys: without it a missing key reads as 'denied', not 'missing'."""
        function.know(self.variable, self.bucket.bucket_name)
        function.allow("s3:ListBucket", on=[self.bucket.bucket_arn])

    def spell(self, prefix: str) -> str:
        """Spell 'all objects below the prefix' as cdk-nag does."""
        return name_resource(self.bucket, suffix=f"/{prefix}*")


def expire(prefix: str, *, days: int) -> s3.LifecycleRule:
    """Make the rule that deletes what lies below a prefix after so many days."""
    return s3.LifecycleRule(prefix=prefix, expiration=Duration.days(days))


def _abort_uploads() -> s3.LifecycleRule:
    return s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))
