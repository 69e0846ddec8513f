"""What workflows need from the world, as Protocols; adapters and fakes implement them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from recsysops.errors import RecSysOpsError
from recsysops.vocabulary import (
    FlagDocument,
    Incident,
    IncidentStatus,
    ItemFeatures,
    Member,
    ModelEntry,
    ModelPointer,
    SamplingPlan,
)

LogStream = Literal[
    "slim_requests",
    "full_requests",
    "shadow_requests",
    "similar_requests",
    "feedback",
    "consumer_logs",
]
Row = Mapping[str, object]


class Clock(Protocol):
    """Tells the time: aware, in UTC."""

    def __call__(self) -> datetime:
        """Return now."""


class Progress(Protocol):
    """Hears how far a long workflow is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say which step runs now and how many of how many are done."""


class MemberReader(Protocol):
    """Members by id, to read one."""

    def get(self, member_id: str) -> Member | None:
        """Return the member, or None when unknown. Raises: DependencyError, BadData."""


@dataclass(frozen=True, slots=True)
class AddedSeen:
    """Salts of the members whose seen items are as wanted, and why the others' are not."""

    salts: Mapping[str, str]
    failed: Mapping[str, RecSysOpsError]


class MemberStore(MemberReader, Protocol):
    """Members by id."""

    def put_many(self, members: Iterable[Member]) -> None:
        """Write or replace members. Raises: DependencyError."""

    def update_many(
        self, member_ids: Iterable[str], change: Callable[[str, Member | None], Member]
    ) -> None:
        """Replace members by what `change` makes of them (None: unknown); nobody's write is lost.

        `change` is asked again, from any thread, when somebody else wrote a member in between.
        Raises: ConflictError when others kept writing, DependencyError, BadData.
        """

    def scan(self) -> Iterator[Member]:
        """Yield every member, in no order. Raises: DependencyError."""

    def delete(self, member_id: str) -> bool:
        """Delete a member's row, its salt with it; False when there was none.

        Raises: DependencyError.
        """

    def add_seen(self, member_id: str, item_ids: Sequence[str]) -> str:
        """Append to a member's seen items, keeping the newest (bounded); creates the member.

        Returns the member's salt. Raises: DependencyError, ConflictError, BadData.
        """

    def add_seen_many(self, seen: Mapping[str, Sequence[str]]) -> AddedSeen:
        """Append to the seen items of many members, as `add_seen` does for one.

        Writes nothing where nothing changes, so that () only asks for salts. One member's trouble
        stops no other. Raises: DependencyError when none could be read.
        """

    def put_newer(
        self,
        member_id: str,
        *,
        version: int,
        vectors: Mapping[str, bytes] | None,
        seen: Sequence[str] | None,
    ) -> None:
        """Replace packed vectors or seen items (None keeps them); creates the member.

        Raises: ConflictError when this version or a newer one is stored; DependencyError.
        """


class RecordedEvents(Protocol):
    """Which feedback events of members were recorded already; bounded, so not for ever."""

    def recall(self, member_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return recorded events of at most 100 members, oldest first; unknown ones are absent.

        Raises: DependencyError, BadData.
        """

    def remember(self, events: Mapping[str, Sequence[str]]) -> None:
        """Write all recorded events of members, keeping the newest. Raises: DependencyError."""


RejectRow = Callable[[str, str], None]


class ItemStore(Protocol):
    """Raw item features by id: the table an upstream job writes."""

    def put_many(self, items: Iterable[ItemFeatures]) -> None:
        """Write or replace items. Raises: DependencyError."""

    def put_newer(self, item: ItemFeatures) -> None:
        """Write an item whose version is higher than what is stored; the same again is no harm.

        Raises: ConflictError when another content of this version, or a newer one, is stored;
            DependencyError.
        """

    def scan(self, *, reject: RejectRow | None = None) -> Iterator[ItemFeatures]:
        """Yield every item, in no order.

        A row that cannot be read goes to `reject` as (item id, what is wrong) and the others
        come all the same. Raises: DependencyError; BadData for such a row without `reject`.
        """


class BlobStore(Protocol):
    """Immutable objects by key in one bucket (artefacts, deltas, pointers)."""

    def get(self, key: str) -> bytes:
        """Return the object. Raises: NotFound, DependencyError."""

    def put(self, key: str, body: bytes) -> None:
        """Write the object. Raises: DependencyError."""

    def update(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace an object by what `change` makes of it (None: leave it); nobody's write is lost.

        `change` gets None when there is no object, and is asked again when somebody else wrote
        in between. Raises: ConflictError when others kept writing, DependencyError.
        """

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, sorted."""


class TextEmbedder(Protocol):
    """Texts (or captions of pictures) as vectors in the item space of one of our models."""

    def embed(self, text: str, *, model_id: str) -> Sequence[float]:
        """Return as many numbers as the model's items have.

        Raises: BadBody when the text says nothing, DependencyError.
        """


class LogSink(Protocol):
    """Where log lines leave for the lake."""

    def write(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Hand over JSON lines; never raises on the request path: losses are counted."""

    def defer(self, work: Callable[[], None]) -> None:
        """Take work that writes lines: done once the response has left, at the latest by flush."""

    def flush(self) -> None:
        """Deliver what is buffered."""


class DurableLog(Protocol):
    """A log that acknowledges."""

    def append(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Return only after every line is durable. Raises: DependencyError."""


class LakeWriter(Protocol):
    """Writes whole result tables of batch jobs into the lake."""

    def write_rows(
        self, table: str, *, rows: Sequence[Row], ingest_time: datetime, name: str
    ) -> str:
        """Write one object of gzip JSON lines; the same name replaces itself; returns its key."""


class QueryEngine(Protocol):
    """SQL in the shared Athena/Trino subset over the lake's Glue tables."""

    def run(self, sql: str) -> list[dict[str, object]]:
        """Return rows with typed values. Raises: DependencyError with the engine's message."""


class ModelRegistry(Protocol):
    """Which models exist and which of them is approved for production."""

    def entries(self) -> list[ModelEntry]:
        """Return all models, newest first."""

    def put(self, entry: ModelEntry) -> None:
        """Write or replace an entry."""


class FlagReader(Protocol):
    """What AppConfig serves right now, from a local cache refreshed in the background."""

    def hotfixes(self) -> FlagDocument:
        """Return the last good hotfix document."""

    def model_pointer(self) -> ModelPointer | None:
        """Return the last good model pointer, None when none was ever deployed."""

    def sampling_plan(self) -> SamplingPlan:
        """Return the last good sampling plan."""


class ConfigDeployer(Protocol):
    """Deploys documents to one AppConfig environment, one at a time."""

    def deploy(self, document: str, *, strategy: Literal["staged", "at-once"], note: str) -> str:
        """Start a deployment; returns its id. Raises: ConflictError when one is running."""

    def stop(self) -> bool:
        """Stop a running deployment, returning to the content before; False when none ran."""

    def status(self) -> Mapping[str, str]:
        """Return {deployment_id, state, percent} of the newest deployment."""

    def current(self) -> str:
        """Return the newest document that was deployed ('' when none)."""


class IncidentBook(Protocol):
    """Incidents and their timelines."""

    def get(self, incident_id: str) -> Incident:
        """Raises: NotFound."""

    def put(self, incident: Incident) -> None:
        """Write or replace."""

    def update(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Replace an incident by what `change` makes of it, and return that; no write is lost.

        `change` is asked again when somebody else wrote in between. Raises: NotFound,
        ConflictError when others kept writing, DependencyError.
        """

    def list_incidents(self, status: IncidentStatus | None = None) -> list[Incident]:
        """Return incidents, newest first."""


class AuditTrail(Protocol):
    """Who changed what is deployed, and when; rows are only ever added."""

    def append(self, row: Row) -> None:
        """Add one row under its `deployment_id`. Raises: ConflictError when it is taken."""


class Notifier(Protocol):
    """Pages people."""

    def publish(self, subject: str, body: Mapping[str, object]) -> None:
        """Send one message. Raises: DependencyError."""
