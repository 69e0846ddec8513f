"""The bucket of immutable model artefacts and catalogue deltas."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct
from recsysops.model.delta import POINTER_KEY
from recsysops.serving.flag_document import LAST_GOOD_KEY
from recsysops.workflows.keep_progress import PROGRESS_KEY

from infra.components.buckets import PrivateBucket
from infra.components.python_function import PythonFunction
from infra.settings import StageSettings

ARTEFACTS = "artefacts/"
DELTAS = "deltas/"
BASELINES = "baselines/"
FLAG_DOCUMENTS = "flags/"


class Artefacts(Construct):
    """Models in artefacts/, deltas in deltas/, their pointer apart, deployed flags in flags/,
    what audits learned of a pinned reference in baselines/."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        access_logs: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        kept = Duration.days(settings.retention.superseded_artefacts_days)
        self.store = PrivateBucket(
            self,
            "Store",
            name="artefact",
            access_logs=access_logs,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(noncurrent_version_expiration=kept),
                _expire_deltas(days=settings.retention.deltas_days),
            ],
        )

    def allow_reading(self, function: PythonFunction) -> None:
        """Let a function read every model and every delta."""
        self.allow_reading_deltas(function)
        self.store.allow(
            function,
            "GetObject",
            prefix=ARTEFACTS,
            because="Any model may be the one a request, a pin or a replay names.",
        )

    def allow_reading_manifests(self, function: PythonFunction) -> None:
        """Let a function read what a model's vectors look like."""
        self.store.allow_listing(function)
        function.allow("s3:GetObject", on=[self._manifests])
        function.acknowledge_wildcards(
            [self.store.spell(ARTEFACTS) + "/manifest.json"],
            because="A member's vectors may be of any model.",
        )

    @property
    def _manifests(self) -> str:
        return self.store.bucket.arn_for_objects(f"{ARTEFACTS}*/manifest.json")

    def allow_reading_deltas(self, function: PythonFunction) -> None:
        """Let a function read the pointer and every delta."""
        self.store.allow_listing(function)
        self.store.allow(
            function,
            "GetObject",
            prefix=DELTAS,
            because="Any delta may be the one the pointer or a replay names.",
        )
        function.allow("s3:GetObject", on=[self._pointer])

    def allow_reading_last_good_flags(self, function: PythonFunction) -> None:
        """Let a function read the one document that serves when AppConfig serves nonsense."""
        function.allow("s3:GetObject", on=[self.store.bucket.arn_for_objects(LAST_GOOD_KEY)])

    def allow_reading_flag_documents(self, function: PythonFunction) -> None:
        """Let a function read what was deployed when a logged request was served."""
        self.store.allow(
            function,
            "GetObject",
            prefix=FLAG_DOCUMENTS,
            because="A logged request names its flag document by version.",
        )

    def allow_reading_baselines(self, function: PythonFunction) -> None:
        """Let a function read the pinned reference and what audits learned of it."""
        self._allow_baselines(function, "GetObject")

    def allow_keeping_baselines(self, function: PythonFunction) -> None:
        """Let a function read and write what audits learned of the pinned reference."""
        self._allow_baselines(function, "GetObject", "PutObject")

    def _allow_baselines(self, function: PythonFunction, *verbs: str) -> None:
        self.store.allow_listing(function)
        self.store.allow(
            function,
            *verbs,
            prefix=BASELINES,
            because="A baseline is named by its audit, its reference and what was asked.",
        )

    def allow_reading_progress(self, function: PythonFunction) -> None:
        """Let a function read how far audits have come."""
        self.store.allow_listing(function)
        function.allow("s3:GetObject", on=[self._progress])

    def allow_noting_progress(self, function: PythonFunction) -> None:
        """Let a function note how far audits have come."""
        self.allow_reading_progress(function)
        function.allow("s3:PutObject", on=[self._progress])

    @property
    def _progress(self) -> str:
        return self.store.bucket.arn_for_objects(PROGRESS_KEY)

    def allow_writing_deltas(self, function: PythonFunction) -> None:
        """Let a function write new deltas and move the pointer."""
        self.store.allow(
            function,
            "PutObject",
            prefix=DELTAS,
            because="A delta's key is the hash of its content, unknown before it is made.",
        )
        # a pointer is replaced on condition that nobody else moved it: that needs both rights
        function.allow("s3:GetObject", "s3:PutObject", on=[self._pointer])

    @property
    def _pointer(self) -> str:
        return self.store.bucket.arn_for_objects(POINTER_KEY)


def _expire_deltas(*, days: int) -> s3.LifecycleRule:
    """Delete snapshots that no logged request can need; the pointer lies under another prefix."""
    return s3.LifecycleRule(
        prefix=DELTAS,
        expiration=Duration.days(days),
        # they are immutable: an older version has the same bytes
        noncurrent_version_expiration=Duration.days(1),
    )
