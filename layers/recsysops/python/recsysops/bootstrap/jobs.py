"""Which adapter the scheduled jobs work with: the lake, its queries, and who is told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from recsysops.bootstrap.connections import Connections

if TYPE_CHECKING:
    from recsysops.adapters.athena_queries import AthenaQueries
    from recsysops.ports import LakeWriter, Notifier


class JobPorts(Connections):
    """What audits, forecasts and plans read and write."""

    @cached_property
    def lake(self) -> LakeWriter:
        """Where batch jobs write result tables."""
        from recsysops.adapters.s3_lake import S3Lake

        return S3Lake(self._client("s3"), self._need("lake_bucket"))

    @cached_property
    def queries(self) -> AthenaQueries:
        """SQL over the lake."""
        from recsysops.adapters.athena_queries import AthenaQueries

        return AthenaQueries(
            self._client("athena"),
            workgroup=self._need("athena_workgroup"),
            database=self._need("glue_database"),
        )

    @cached_property
    def notifier(self) -> Notifier:
        """Pages people."""
        from recsysops.adapters.sns_notifier import SnsNotifier

        return SnsNotifier(self._client("sns"), self._need("incident_topic_arn"))

    @cached_property
    def incident_bus(self) -> Notifier:
        """Tells machines of incidents: the bus that diagnosis listens to."""
        from recsysops.adapters.eventbridge_notifier import EventBridgeNotifier

        return EventBridgeNotifier(self._client("events"), self._need("incident_bus_name"))
