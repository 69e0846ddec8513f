"""Two days of a small recommender over a real lake in memory: a reference, then what went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryFlags,
    MemoryItems,
    MemoryMembers,
    MemoryRegistry,
)
from recsysops.diagnosis.verdict import ReplayCheck
from recsysops.model.artefact import ModelArtefact, artefact_key, unpack_artefact
from recsysops.model.kernel import Block
from recsysops.model.packing import pack_vector
from recsysops.request_log.records import FullRequest
from recsysops.serving.api import RecommendationRequest
from recsysops.serving.flag_document import (
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.simulation.faults import lose_block
from recsysops.vocabulary import (
    Hotfix,
    Incident,
    ItemFeatures,
    Member,
    ModelEntry,
    ModelPointer,
    SamplingPlan,
    Window,
)
from recsysops.workflows.diagnose_incident import DiagnosisPorts
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.publish_delta import publish_delta
from recsysops.workflows.recommend_items import RecommendPorts, recommend_items
from recsysops.workflows.replay_requests import read_full_records, replay_requests
from recsysops.workflows.scorer_state import ScorerState

from tests.fakes.served_world import TRAINED_AT, make_artefact_files, make_items, make_vector

DAY = timedelta(days=1)
REFERENCE = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
BROKEN = Window(REFERENCE.end, REFERENCE.end + DAY)
RECOVERED = Window(BROKEN.end, BROKEN.end + DAY)
MEMBERS = 8
REQUESTS = 16


def make_incident(**changes: object) -> Incident:
    """An incident of the broken day."""
    plain: dict[str, object] = {
        "incident_id": "inc-0123456789",
        "status": "open",
        "component": "item_features",
        "subject": "language",
        "title": "language looks wrong",
        "severity": "high",
        "detected_at": BROKEN.end,
        "window": BROKEN,
        "reference": REFERENCE,
        "findings": (),
    }
    return Incident(**{**plain, **changes})  # type: ignore[arg-type]


@dataclass
class BrokenWorld:
    """What serves and what is logged; `serve_day` moves it on."""

    items: MemoryItems
    members: MemoryMembers
    blobs: MemoryBlobs
    registry: MemoryRegistry
    good: ModelArtefact
    flags: MemoryFlags
    lake: DuckDbLake
    now: list[datetime]
    deltas: list[str] = field(default_factory=list)

    @property
    def cache(self) -> CatalogueCache:
        """A cache of its own, as another process would have."""
        return CatalogueCache(self.blobs)

    def change_items(self, change: Callable[[ItemFeatures], ItemFeatures]) -> list[str]:
        """Let an upstream job change items; returns the ids whose row is another one."""
        old = list(self.items.scan())
        new = [change(item) for item in old]
        self.items.put_many(new)
        return [a.item_id for a, b in zip(old, new, strict=True) if a != b]

    def add_model(
        self, files: Mapping[str, bytes], *, seed: int = 0, lost: Block | None = None
    ) -> str:
        """Store a model and a vector of it (less a lost block) for every member; returns its id."""
        artefact = unpack_artefact(files)
        for name, body in files.items():
            self.blobs.put(artefact_key(artefact.model_id, name), body)
        for number, member in enumerate(list(self.members.scan())):
            vector = make_vector(100 * seed + number)
            packed = pack_vector(lose_block(vector, lost) if lost else vector, owner=artefact.owner)
            vectors = {**member.vectors, artefact.model_id: packed}
            self.members.put_many([replace(member, vectors=vectors)])
        return artefact.model_id

    def deploy(self, *hotfixes: Hotfix) -> None:
        """Serve hotfixes, and keep their document for replay."""
        later = [replace(hotfix, expires_at=RECOVERED.end + DAY) for hotfix in hotfixes]
        self.flags.document = build_flag_document(later)
        body = dump_flag_document(self.flags.document).encode()
        self.blobs.put(flag_document_key(self.flags.document.version), body)

    def serve_day(self, day: Window, *, publish: bool = True) -> None:
        """Publish a snapshot and answer every member twice."""
        assert self.flags.pointer is not None
        self.now[0] = day.start
        if publish:
            self.deltas.append(
                publish_delta(
                    items=self.items, blobs=self.blobs, lake=self.lake, queries=None,
                    pointer=self.flags.pointer, as_of=day.start,
                )
            )  # fmt: skip
        state = ScorerState(
            self.cache, self.flags, monotonic=time.monotonic, start=lambda work: work()
        )
        ports = RecommendPorts(state, self.members, self.flags, self.lake, time.perf_counter)
        for number in range(REQUESTS):
            self.now[0] = day.start + timedelta(minutes=1 + number)
            recommend_items(
                RecommendationRequest(member_id=f"m{number % MEMBERS}", limit=5),
                request_id=f"r-{day.start:%d}-{number}",
                ports=ports,
                now=self.now[0],
            )
        self.now[0] = day.end

    def records(self, day: Window) -> list[FullRequest]:
        """Full records of a day, from the lake."""
        return read_full_records(self.lake, window=day)

    def diagnosis_ports(self) -> DiagnosisPorts:
        """Lake, artefact bucket and registry; neither items nor members."""
        cache = self.cache

        def replay(records: Sequence[FullRequest]) -> ReplayCheck:
            report = replay_requests(records, cache=cache)
            counts = report.count("bit_equal"), report.count("refused")
            return ReplayCheck(len(report.requests), *counts)

        return DiagnosisPorts(
            queries=self.lake,
            catalogues=cache,
            registry=self.registry,
            read_records=lambda window, most: self.records(window)[:most],
            replay=replay,
        )


def make_broken_world(count: int = 120) -> BrokenWorld:
    """A world after a healthy reference day; every request has a full record."""
    items = [replace(item, launch_date=None) for item in make_items(count)]
    now = [REFERENCE.start]
    files = make_artefact_files(items)
    good = unpack_artefact(files)
    world = BrokenWorld(
        items=MemoryItems(items),
        members=MemoryMembers(
            Member(f"m{number}", {}, (), f"salt-{number}") for number in range(MEMBERS)
        ),
        blobs=MemoryBlobs(),
        registry=MemoryRegistry([ModelEntry(good.model_id, "production", TRAINED_AT)]),
        good=good,
        flags=MemoryFlags(
            pointer=ModelPointer(good.model_id),
            plan=SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.1),
        ),
        lake=DuckDbLake(clock=lambda: now[0]),
        now=now,
    )
    world.add_model(files)
    world.serve_day(REFERENCE)
    return world
