"""The DynamoDB tables: members, recorded events, items, models, incidents and the audit trail."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.components.python_function import PythonFunction

EXPIRY_ATTRIBUTE = "expires_at"


class NamedTable(Construct):
    """One on-demand table that functions know by RECSYSOPS_<NAME>_TABLE."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        key: str,
        sort_key: str | None = None,
        expires: bool = True,
        streams: bool = False,
    ) -> None:
        super().__init__(scope, name.title().replace("_", ""))
        self.variable = f"{name.upper()}_TABLE"
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text(key),
            sort_key=_text(sort_key) if sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRY_ATTRIBUTE if expires else None,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if streams else None,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def allow(self, function: PythonFunction, *verbs: str) -> None:
        """Let a function do these DynamoDB actions (e.g. "GetItem") on this table."""
        function.know(self.variable, self.table.table_name)
        function.allow(*(f"dynamodb:{verb}" for verb in verbs), on=[self.table.table_arn])


class Tables(Construct):
    """Every table of the system."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.members = NamedTable(self, "members", key="member_id")
        self.recorded_events = NamedTable(self, "recorded_events", key="member_id")
        self.items = NamedTable(self, "items", key="item_id", expires=False, streams=True)
        self.models = NamedTable(self, "models", key="model_id", expires=False)
        self.incidents = NamedTable(self, "incidents", key="incident_id")
        self.audit_trail = NamedTable(self, "audit_trail", key="deployment_id")

    @property
    def every(self) -> dict[str, NamedTable]:
        """All tables by name."""
        return {
            "members": self.members,
            "recorded_events": self.recorded_events,
            "items": self.items,
            "models": self.models,
            "incidents": self.incidents,
            "audit_trail": self.audit_trail,
        }


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
