"""One Lambda function: a folder of functions/, its size, its role and its log group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledgements import acknowledge, acknowledge_wildcards
from infra.components.log_groups import retention_of
from infra.settings import FUNCTION_SIZES, StageSettings

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
ENVIRONMENT_PREFIX = "RECSYSOPS_"
LIVE = "live"
"""The alias of the version that serves."""


class MissingFunctionError(Exception):
    """A function of the stack has no folder."""


class PythonFunction(Construct):
    """A function that may do nothing at first; resources `allow_…` it and name themselves to it.

    callee: what the API calls, the function itself or its newest version. size: see FunctionSize.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: StageSettings,
        layers: Sequence[lambda_.ILayerVersion],
    ) -> None:
        super().__init__(scope, _camel(name))
        self.size = FUNCTION_SIZES[name]
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=retention_of(settings.retention.logs_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.lambda_function = self._make_function(name, settings, layers)
        self.callee = self._publish() if self.size.is_published else self.lambda_function
        self._let_it_log()
        acknowledge(self, "L1", because="Pinned: the lock is resolved and tested up to 3.13.")

    def _make_function(
        self, name: str, settings: StageSettings, layers: Sequence[lambda_.ILayerVersion]
    ) -> lambda_.Function:
        size = self.size
        snapshots = settings.snap_start and size.is_published
        return lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(find_folder(name)), exclude=["**/__pycache__"]),
            handler="handler.handle",
            runtime=lambda_.Runtime(
                settings.python_runtime,
                lambda_.RuntimeFamily.PYTHON,
                supports_snap_start=settings.snap_start,
            ),
            architecture=lambda_.Architecture.custom(settings.architecture),
            layers=list(layers),
            role=self.role,
            log_group=self.log_group,
            memory_size=size.memory_mb,
            timeout=Duration.seconds(size.timeout_seconds),
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snapshots else None,
            environment=_environment(name, settings),
            reserved_concurrent_executions=1 if size.one_at_a_time else None,
        )

    def _publish(self) -> lambda_.Alias:
        """Publish a version with every change, and have callers name the alias of the newest."""
        newest = self.lambda_function.current_version
        return lambda_.Alias(self, "Live", alias_name=LIVE, version=newest)

    def _let_it_log(self) -> None:
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=[self.log_group.log_group_arn])

    def know(self, name: str, value: str) -> None:
        """Set RECSYSOPS_<name> in the function's environment."""
        self.lambda_function.add_environment(ENVIRONMENT_PREFIX + name, value)

    def allow(self, *actions: str, on: Sequence[str]) -> None:
        """Let the function's role do exactly these actions on these ARNs."""
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(on))
        )

    def acknowledge_wildcards(self, resources: Sequence[str], *, because: str) -> None:
        """Say why a grant to this function ends in a wildcard."""
        acknowledge_wildcards(self.role, resources, because=because)


def find_folder(name: str) -> Path:
    """Return functions/<name>.

    Raises: MissingFunctionError when the folder or its handler is not there.
    """
    handler = FUNCTIONS / name / "handler.py"
    if not handler.is_file():
        raise MissingFunctionError(
            f"the stack deploys function {name!r}, but functions/{name}/handler.py does not exist; "
            f"write it, or take {name!r} out of infra/stacks"
        )
    return handler.parent


def _environment(name: str, settings: StageSettings) -> dict[str, str]:
    return {
        "POWERTOOLS_SERVICE_NAME": name,
        "RECSYSOPS_STAGE": settings.name,
        "RECSYSOPS_REGION": Aws.REGION,
        "RECSYSOPS_ACCEPT_RETIMED": str(settings.accept_retimed).lower(),
        "RECSYSOPS_POLL_SECONDS": str(settings.poll_seconds),
        "RECSYSOPS_MEMBER_DEADLINE_MS": str(settings.member_deadline_ms),
        # numpy on one vCPU: threads would only wait for each other
        "OPENBLAS_NUM_THREADS": "1",
    }


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
