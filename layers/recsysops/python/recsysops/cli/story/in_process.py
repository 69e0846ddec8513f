"""The whole recommender in one process: memory ports, DuckDB as the lake, the same workflows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.adapters.memory import (
    MemoryBlobs,
    MemoryFlags,
    MemoryIncidents,
    MemoryItems,
    MemoryMembers,
    MemoryNotifier,
    MemoryRecordedEvents,
    MemoryRegistry,
)
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.cli.story.stage import StagePorts
from recsysops.cli.story.traffic import Progress, feedback_body, request_body, send_stretch
from recsysops.errors import NotFound
from recsysops.serving.api import FeedbackRequest, RecommendationRequest
from recsysops.serving.flag_document import parse_flag_document
from recsysops.serving.roll_out import dump_model_pointer, parse_model_pointer
from recsysops.simulation.retimed import Stretch, TrafficRequest
from recsysops.vocabulary import FlagDocument, Incident, ModelPointer, Window
from recsysops.workflows.approved_models import approved_models, pinnable_models
from recsysops.workflows.check_models import check_models
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.publish_delta import publish_delta
from recsysops.workflows.rank_choices import rank_choices
from recsysops.workflows.rank_launches import rank_launches
from recsysops.workflows.recommend_items import RecommendPorts, recommend_items
from recsysops.workflows.record_feedback import record_feedback
from recsysops.workflows.run_audit import AuditPorts, run_audit
from recsysops.workflows.scorer_state import ScorerState


@dataclass(slots=True)
class InProcessStage:
    """A stage in memory; `clock` is event time, moved by the traffic that is sent."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    flags: MemoryFlags = field(default_factory=MemoryFlags)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    recorded: MemoryRecordedEvents = field(default_factory=MemoryRecordedEvents)
    lake: DuckDbLake = field(init=False)
    ports: StagePorts = field(init=False)
    state: ScorerState = field(init=False)
    cache: CatalogueCache = field(init=False)

    def __post_init__(self) -> None:
        """Wire memory ports."""
        blobs = MemoryBlobs()
        self.lake = DuckDbLake(clock=lambda: self.now)
        self.ports = StagePorts(
            items=MemoryItems(),
            members=MemoryMembers(),
            blobs=blobs,
            registry=MemoryRegistry(),
            queries=self.lake,
            incidents=MemoryIncidents(),
            hotfixes=MemoryConfigDeployer(on_content=self._serve_flags, finish_staged=True),
            model=MemoryConfigDeployer(on_content=self._serve_pointer),
        )
        self.cache = CatalogueCache(blobs)
        self.state = self._fresh_state()

    def point_at(self, pointer: ModelPointer) -> str:
        """Deploy the model pointer; returns the deployment id."""
        document = dump_model_pointer(pointer)
        return self.ports.model.deploy(document, strategy="at-once", note="story")

    def publish(self, as_of: datetime) -> str:
        """Publish a delta snapshot; scorers serve it at once."""
        self.now = as_of
        pointer = approved_models(self.ports.registry)
        if pointer is None:
            raise NotFound("no model was approved yet; nothing can be published")
        delta_id = publish_delta(
            items=self.ports.items,
            blobs=self.ports.blobs,
            lake=self.lake,
            queries=self.lake,
            pointer=pointer,
            as_of=as_of,
            pinnable=pinnable_models(self.ports.registry),
        )
        self.state = self._fresh_state()
        return delta_id

    def send(self, stretch: Stretch, progress: Progress) -> int:
        """Serve a stretch and its feedback; the lake has it when this returns."""
        self.state = self._fresh_state()
        sent = send_stretch(
            stretch,
            request=self._recommend,
            feedback=self._record,
            threads=1,
            progress=progress,
        )
        self.now = stretch.window.end
        return sent

    def audit(self, window: Window, reference: Window) -> Sequence[Incident]:
        """Rank choices and launches, audit the window, return the incidents that are open now."""
        for each in (reference, window):
            for rank in (rank_choices, rank_launches):
                rank(each, queries=self.lake, cache=self.cache, lake=self.lake)
        check_models(
            window,
            reference=reference,
            queries=self.lake,
            cache=self.cache,
            lake=self.lake,
            registry=self.ports.registry,
        )
        run_audit(
            window,
            reference=reference,
            ports=AuditPorts(
                queries=self.lake,
                registry=self.ports.registry,
                incidents=self.ports.incidents,
                notifier=self.notifier,
            ),
            now=self.now,
        )
        return self.ports.incidents.list_incidents("open")

    def _recommend(self, request: TrafficRequest) -> str:
        self.now = request.event_time
        response = recommend_items(
            RecommendationRequest.model_validate(request_body(request)),
            request_id=request.request_id,
            ports=RecommendPorts(
                state=self.state,
                members=self.ports.members,
                flags=self.flags,
                log=self.lake,
                perf_counter=time.perf_counter,
            ),
            now=request.event_time,
        )
        return response.request_id

    def _record(self, sent: Sequence[tuple[TrafficRequest, str]]) -> None:
        record_feedback(
            FeedbackRequest.model_validate(feedback_body(sent)),
            members=self.ports.members,
            recorded=self.recorded,
            log=self.lake,
            accept_retimed=True,
            now=sent[-1][0].event_time,
        )

    def _fresh_state(self) -> ScorerState:
        # a new state loads synchronously: what was published serves from the next request on
        return ScorerState(
            cache=self.cache, flags=self.flags, monotonic=time.monotonic, start=_run_now
        )

    def _serve_flags(self, text: str) -> None:
        self.flags.document = parse_flag_document(text) if text else FlagDocument(version="")

    def _serve_pointer(self, text: str) -> None:
        self.flags.pointer = parse_model_pointer(text) if text else None


def _run_now(work: Callable[[], None]) -> None:
    work()
