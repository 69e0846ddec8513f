"""Ports in memory: what tests, previews and the in-process world use instead of AWS.

Each behaves as its AWS counterpart does where a caller could notice: order, bounds, conflicts.
"""

from __future__ import annotations

import gzip
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from recsysops.adapters.lake_objects import encode_rows, lake_key
from recsysops.adapters.seen_items import append_seen
from recsysops.errors import ConflictError, FlagError, NotFound, RecSysOpsError
from recsysops.ports import AddedSeen, LogStream, RejectRow, Row
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


class MemoryMembers:
    """MemberStore in a dict."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self._lock = RLock()
        self._members: dict[str, Member] = {}
        self._versions: dict[str, int] = {}
        self.put_many(members)

    def get(self, member_id: str) -> Member | None:
        """Return the member, or None when unknown."""
        return self._members.get(member_id)

    def put_many(self, members: Iterable[Member]) -> None:
        """Write or replace members."""
        with self._lock:
            self._members.update({member.member_id: member for member in members})

    def update_many(
        self, member_ids: Iterable[str], change: Callable[[str, Member | None], Member]
    ) -> None:
        """Replace members by what `change` makes of them (None: unknown)."""
        for member_id in member_ids:
            with self._lock:
                self.put_many([change(member_id, self._members.get(member_id))])

    def delete(self, member_id: str) -> bool:
        """Delete a member's row; False when there was none."""
        with self._lock:
            return self._members.pop(member_id, None) is not None

    def scan(self) -> Iterator[Member]:
        """Yield every member as it was when the scan began."""
        with self._lock:
            members = list(self._members.values())
        yield from members

    def add_seen(self, member_id: str, item_ids: Sequence[str]) -> str:
        """Append to a member's seen items; creates the member; returns the salt."""
        with self._lock:
            member = self._members.get(member_id) or Member(
                member_id=member_id, vectors={}, seen=(), salt=secrets.token_hex(16)
            )
            self._members[member_id] = replace(member, seen=append_seen(member.seen, item_ids))
            return member.salt

    def add_seen_many(self, seen: Mapping[str, Sequence[str]]) -> AddedSeen:
        """Append to many members' seen items, one after the other."""
        salts: dict[str, str] = {}
        failed: dict[str, RecSysOpsError] = {}
        for member_id, item_ids in seen.items():
            try:
                salts[member_id] = self.add_seen(member_id, item_ids)
            except RecSysOpsError as error:
                failed[member_id] = error
        return AddedSeen(salts, failed)

    def put_newer(
        self,
        member_id: str,
        *,
        version: int,
        vectors: Mapping[str, bytes] | None,
        seen: Sequence[str] | None,
    ) -> None:
        """Replace vectors or seen items (None keeps them). Raises: ConflictError."""
        with self._lock:
            if version <= self._versions.get(member_id, 0):
                raise ConflictError(f"version {version} or a newer one is stored already")
            salt = self.add_seen(member_id, ())
            old = self._members[member_id]
            self._members[member_id] = Member(
                member_id=member_id,
                vectors=old.vectors if vectors is None else dict(vectors),
                seen=old.seen if seen is None else append_seen(seen, ()),
                salt=salt,
            )
            self._versions[member_id] = version

    def __len__(self) -> int:
        return len(self._members)


class MemoryRecordedEvents:
    """RecordedEvents in a dict; remembers the newest 500 of a member."""

    def __init__(self) -> None:
        self._events: dict[str, tuple[str, ...]] = {}

    def recall(self, member_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return recorded events; unknown members are absent."""
        return {name: self._events[name] for name in member_ids if name in self._events}

    def remember(self, events: Mapping[str, Sequence[str]]) -> None:
        """Keep the newest 500 of each member."""
        for member_id, event_ids in events.items():
            self._events[member_id] = append_seen((), event_ids, limit=500)


class MemoryItems:
    """ItemStore in a dict."""

    def __init__(self, items: Iterable[ItemFeatures] = ()) -> None:
        self._lock = RLock()
        self._items: dict[str, ItemFeatures] = {}
        self.put_many(items)

    def put_many(self, items: Iterable[ItemFeatures]) -> None:
        """Write or replace items."""
        with self._lock:
            self._items.update({item.item_id: item for item in items})

    def put_newer(self, item: ItemFeatures) -> None:
        """Write a newer version; the same again is no harm. Raises: ConflictError."""
        with self._lock:
            stored = self._items.get(item.item_id)
            if stored is not None and stored != item and stored.version >= item.version:
                raise ConflictError(f"version {item.version} or a newer one is stored already")
            self._items[item.item_id] = item

    def scan(self, *, reject: RejectRow | None = None) -> Iterator[ItemFeatures]:  # noqa: ARG002
        """Yield every item as it was when the scan began; memory holds none that is mistyped."""
        with self._lock:
            items = list(self._items.values())
        yield from items

    def __len__(self) -> int:
        return len(self._items)


class MemoryBlobs:
    """BlobStore in a dict."""

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        self._lock = RLock()
        self.objects: dict[str, bytes] = dict(objects or {})

    def get(self, key: str) -> bytes:
        """Return the object. Raises: NotFound."""
        try:
            return self.objects[key]
        except KeyError:
            raise NotFound(f"no object {key!r}") from None

    def put(self, key: str, body: bytes) -> None:
        """Write the object."""
        self.objects[key] = bytes(body)

    def update(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace an object by what `change` makes of it (None: leave it)."""
        with self._lock:
            new = change(self.objects.get(key))
            if new is not None:
                self.put(key, new)

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, sorted."""
        return sorted(key for key in list(self.objects) if key.startswith(prefix))


class _Lines:
    """JSON lines per stream, in the order they came."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._lines: dict[LogStream, list[str]] = defaultdict(list)

    def lines(self, stream: LogStream) -> list[str]:
        """Return the stream's lines so far."""
        with self._lock:
            return list(self._lines[stream])

    def rows(self, stream: LogStream) -> list[dict[str, object]]:
        """Return the stream's lines, parsed."""
        return [json.loads(line) for line in self.lines(stream)]

    def _extend(self, stream: LogStream, lines: Sequence[str]) -> None:
        with self._lock:
            self._lines[stream].extend(lines)


class MemoryLog(_Lines):
    """LogSink whose lines can be read back at once."""

    def write(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Keep the lines."""
        self._extend(stream, lines)

    def defer(self, work: Callable[[], None]) -> None:
        """Work at once: a reader sees the lines as soon as there is an answer."""
        work()

    is_due = False

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def take_losses(self) -> int:
        """Return 0: nothing is lost."""
        return 0


class MemoryDurableLog(_Lines):
    """DurableLog whose lines can be read back."""

    def require_active(self) -> None:
        """Do nothing: memory is always there."""

    def append(self, stream: LogStream, lines: Sequence[str]) -> None:
        """Keep the lines."""
        self._extend(stream, lines)


class MemoryLake:
    """LakeWriter that keeps the objects (gzip JSON lines) under the keys S3 would have."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def write_rows(
        self, table: str, *, rows: Sequence[Row], ingest_time: datetime, name: str
    ) -> str:
        """Write one object; the same name on the same day replaces itself; returns its key."""
        key = lake_key(table, ingest_time=ingest_time, name=name)
        self.objects[key] = encode_rows(rows)
        return key

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return every row of a table, objects in key order."""
        keys = sorted(key for key in self.objects if key.startswith(f"{table}/"))
        lines = [line for key in keys for line in gzip.decompress(self.objects[key]).splitlines()]
        return [json.loads(line) for line in lines]


class MemoryQueries:
    """QueryEngine that answers from a function and remembers what it was asked."""

    def __init__(self, answer: Callable[[str], list[dict[str, object]]] | None = None) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def run(self, sql: str) -> list[dict[str, object]]:
        """Return the function's answer, no rows without one."""
        self.asked.append(sql)
        return [] if self._answer is None else self._answer(sql)


class MemoryRegistry:
    """ModelRegistry in a dict."""

    def __init__(self, entries: Iterable[ModelEntry] = ()) -> None:
        self._entries = {entry.model_id: entry for entry in entries}

    def entries(self) -> list[ModelEntry]:
        """Return all models, newest first."""
        return sorted(self._entries.values(), key=lambda entry: entry.trained_at, reverse=True)

    def put(self, entry: ModelEntry) -> None:
        """Write or replace an entry."""
        self._entries[entry.model_id] = entry


@dataclass
class MemoryFlags:
    """FlagReader whose three answers are set by hand."""

    document: FlagDocument = field(default_factory=lambda: FlagDocument(version=""))
    pointer: ModelPointer | None = None
    plan: SamplingPlan = field(default_factory=SamplingPlan)

    def hotfixes(self) -> FlagDocument:
        """Return the document that was set."""
        return self.document

    def model_pointer(self) -> ModelPointer | None:
        """Return the pointer that was set."""
        return self.pointer

    def sampling_plan(self) -> SamplingPlan:
        """Return the plan that was set."""
        return self.plan

    @property
    def rejected_count(self) -> int:
        """1 when the document that was set is marked so."""
        return int(self.document.rejected is not None)

    def take_failures(self) -> int:
        """Return 0: memory always answers."""
        return 0

    def read_together(self) -> None:
        """Do nothing: what was set is always fresh."""

    def refresh_early(self) -> None:
        """Do nothing: what was set is always fresh."""

    def expire(self) -> None:
        """Do nothing: what was set is always fresh."""

    def require_fresh(self) -> None:
        """Check that the document that was set is not marked as refused. Raises: FlagError."""
        if self.document.rejected is not None:
            raise FlagError(f"document {self.document.rejected} breaks its rules")


class MemoryIncidents:
    """IncidentBook in a dict."""

    def __init__(self, incidents: Iterable[Incident] = ()) -> None:
        self._incidents = {incident.incident_id: incident for incident in incidents}

    def get(self, incident_id: str) -> Incident:
        """Return one incident. Raises: NotFound."""
        try:
            return self._incidents[incident_id]
        except KeyError:
            raise NotFound(f"no incident {incident_id!r}") from None

    def put(self, incident: Incident) -> None:
        """Write or replace."""
        self._incidents[incident.incident_id] = incident

    def update(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Replace an incident by what `change` makes of it. Raises: NotFound."""
        changed = change(self.get(incident_id))
        self.put(changed)
        return changed

    def list_incidents(self, status: IncidentStatus | None = None) -> list[Incident]:
        """Return incidents, newest first."""
        chosen = [one for one in self._incidents.values() if status in (None, one.status)]
        return sorted(chosen, key=lambda one: (one.detected_at, one.incident_id), reverse=True)


class MemoryNotifier:
    """Notifier that keeps the messages as (subject, body)."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Mapping[str, object]]] = []

    def publish(self, subject: str, body: Mapping[str, object]) -> None:
        """Keep the message."""
        self.messages.append((subject, body))
