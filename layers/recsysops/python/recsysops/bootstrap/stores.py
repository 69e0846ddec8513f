"""Which adapter keeps what: tables of members, items and models, and the artefact bucket."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from recsysops.bootstrap.connections import Connections

if TYPE_CHECKING:
    from recsysops.ports import (
        AuditTrail,
        BlobStore,
        IncidentBook,
        ItemStore,
        MemberReader,
        MemberStore,
        ModelRegistry,
        RecordedEvents,
    )
    from recsysops.workflows.keep_baselines import BaselineStore
    from recsysops.workflows.keep_progress import ProgressStore
    from recsysops.workflows.load_catalogue import CatalogueCache


class StorePorts(Connections):
    """What is stored and read by its key."""

    @cached_property
    def members(self) -> MemberStore:
        """Members by id."""
        from recsysops.adapters.dynamodb_members import DynamoMembers

        return DynamoMembers(self._client("dynamodb"), self._need("members_table"))

    @cached_property
    def impatient_members(self) -> MemberReader:
        """Members by id within the stage's deadline, for where a page waits."""
        from recsysops.adapters.dynamodb_members import DynamoMembers
        from recsysops.adapters.resting_members import RestingMembers

        return RestingMembers(DynamoMembers(self._lean_dynamodb(), self._need("members_table")))

    @cached_property
    def items(self) -> ItemStore:
        """Raw item features: the table upstream jobs write."""
        from recsysops.adapters.dynamodb_items import DynamoItems

        return DynamoItems(self._client("dynamodb"), self._need("items_table"))

    @cached_property
    def registry(self) -> ModelRegistry:
        """Which models exist and which is approved."""
        from recsysops.adapters.dynamodb_models import DynamoModels

        return DynamoModels(self._client("dynamodb"), self._need("models_table"))

    @cached_property
    def incidents(self) -> IncidentBook:
        """Incidents and their timelines."""
        from recsysops.adapters.dynamodb_incidents import DynamoIncidents

        return DynamoIncidents(self._client("dynamodb"), self._need("incidents_table"))

    @cached_property
    def trail(self) -> AuditTrail:
        """Who deployed which flag document."""
        from recsysops.adapters.dynamodb_trail import DynamoTrail

        return DynamoTrail(self._client("dynamodb"), self._need("audit_trail_table"))

    @cached_property
    def recorded_events(self) -> RecordedEvents:
        """Which feedback was recorded already."""
        from recsysops.adapters.dynamodb_events import DynamoRecordedEvents

        return DynamoRecordedEvents(self._client("dynamodb"), self._need("recorded_events_table"))

    @cached_property
    def blobs(self) -> BlobStore:
        """The artefact bucket: artefacts, deltas, pointers, flag documents."""
        from recsysops.adapters.s3_blobs import S3Blobs

        bucket = self._need("artefact_bucket")
        return S3Blobs(self._lean_s3(bucket), bucket)

    @cached_property
    def catalogues(self) -> CatalogueCache:
        """Artefacts and snapshots, verified and cached."""
        from recsysops.adapters.mapped_arrays import MappedArrays
        from recsysops.workflows.load_catalogue import CatalogueCache

        return CatalogueCache(self.blobs, place_matrix=MappedArrays().place)

    @cached_property
    def baselines(self) -> BaselineStore:
        """What audits learned of the frozen reference."""
        from recsysops.workflows.keep_baselines import BaselineStore

        return BaselineStore(self.blobs)

    @cached_property
    def progress(self) -> ProgressStore:
        """How far audits have come."""
        from recsysops.workflows.keep_progress import ProgressStore

        return ProgressStore(self.blobs)
