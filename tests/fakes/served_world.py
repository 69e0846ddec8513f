"""A small trained world with every port in memory: artefact, snapshot, members, flags, log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import numpy as np
from recsysops.adapters.memory import MemoryBlobs, MemoryFlags, MemoryLog, MemoryMembers
from recsysops.model.artefact import ModelArtefact, artefact_key, pack_artefact, unpack_artefact
from recsysops.model.catalogue import Catalogue
from recsysops.model.delta import POINTER_KEY, delta_key, pack_delta
from recsysops.model.encoder import FeatureEncoder
from recsysops.model.packing import pack_vector
from recsysops.request_log.records import FullRequest, SlimRequest
from recsysops.request_log.schema import decode_record
from recsysops.serving.api import RecommendationRequest, RecommendationResponse
from recsysops.vocabulary import ItemFeatures, Member, SamplingPlan
from recsysops.workflows.load_catalogue import CatalogueCache, DeltaPointer, dump_delta_pointer
from recsysops.workflows.recommend_items import RecommendPorts, recommend_items
from recsysops.workflows.scorer_state import ScorerState

TRAINED_AT = datetime(2026, 3, 1, tzinfo=UTC)
AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HALF_LIVES = (1.5, 10.0)
ENCODER = FeatureEncoder(
    genres=("Action", "Comedy", "Crime", "Drama", "Romance", "Sci-Fi"),
    year_knots=(1960.0, 1980.0, 2000.0, 2020.0),
    languages=("en", "fr", "ja"),
    collaborative_width=4,
)


def make_items(count: int, seed: int = 0) -> tuple[ItemFeatures, ...]:
    """Items ascending by id; the last two launch in the future and a day ago."""
    rng = np.random.default_rng(seed)
    launches: dict[int, date] = {count - 2: date(2026, 3, 1), count - 1: date(2026, 4, 1)}
    return tuple(
        ItemFeatures(
            item_id=f"i{row:04d}",
            title=f"Title {row}",
            genres=tuple(rng.choice(ENCODER.genres, size=2, replace=False).tolist()),
            year=int(rng.integers(1960, 2021)),
            language=str(rng.choice(ENCODER.languages)),
            price=float(rng.integers(1, 20)),
            in_stock=True,
            launch_date=launches.get(row),
            source=f"supplier-{1 + row % 3}",
            batch="2026-02-01",
            version=1,
            simulated=("language", "price"),
        )
        for row in range(count)
    )


def make_artefact_files(
    items: Sequence[ItemFeatures], seed: int = 0, **changes: object
) -> dict[str, bytes]:
    """Files of an artefact trained on these items."""
    rng = np.random.default_rng(seed)
    matrix = np.zeros((len(items), ENCODER.width), dtype=np.float32)
    for row, item in enumerate(items):
        matrix[row, : ENCODER.content_width] = ENCODER.encode(item)
    matrix[:, ENCODER.content_width :] = rng.normal(size=(len(items), 4))
    manifest = {
        "trained_at": TRAINED_AT.isoformat(),
        "trained_by": "a test",
        "data_hash": "none",
        "genres": ENCODER.genres,
        "year_knots": ENCODER.year_knots,
        "languages": ENCODER.languages,
        "collaborative_width": 4,
        "popularity": [
            {"half_life_days": days, "weight": weight}
            for days, weight in zip(HALF_LIVES, (0.7, 0.2), strict=True)
        ],
        "popularity_smoothing": 0.5,
    }
    return pack_artefact(
        manifest={**manifest, **changes},
        item_ids=np.array([item.item_id for item in items]),
        item_matrix=matrix,
        play_counts=rng.gamma(1.0, size=(len(items), len(HALF_LIVES))),
    )


def make_delta(artefact: ModelArtefact, items: Sequence[ItemFeatures]) -> tuple[str, bytes]:
    """A snapshot of unchanged items with the artefact's own popularity."""
    return pack_delta(
        as_of=AS_OF,
        model_id=artefact.model_id,
        half_life_days=HALF_LIVES,
        items=items,
        log_popularity=np.log(artefact.play_counts + 0.5).astype(np.float32),
        changed_rows=np.array([], dtype=np.intp),
        changed_vectors=np.zeros((0, ENCODER.width), dtype=np.float32),
    )


def make_vector(seed: int) -> np.ndarray:
    """A member vector."""
    return np.random.default_rng(seed).normal(size=ENCODER.width).astype(np.float32)


@dataclass
class ServedWorld:
    """Everything a scorer needs, and short ways to use it."""

    items: tuple[ItemFeatures, ...]
    artefact: ModelArtefact
    delta_id: str
    blobs: MemoryBlobs
    members: MemoryMembers
    flags: MemoryFlags = field(default_factory=MemoryFlags)
    log: MemoryLog = field(default_factory=MemoryLog)
    perf_counter: Callable[[], float] = time.perf_counter
    _ports: RecommendPorts | None = None

    @property
    def cache(self) -> CatalogueCache:
        """A cache of its own, as another process would have."""
        return CatalogueCache(self.blobs)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue without hotfixes."""
        return self.cache.load(self.artefact.model_id, self.delta_id)

    @property
    def ports(self) -> RecommendPorts:
        """Ports of one scorer that loads in the caller's thread."""
        if self._ports is None:
            state = ScorerState(
                cache=self.cache,
                flags=self.flags,
                monotonic=time.monotonic,
                poll_seconds=0.0,
                start=lambda work: work(),
            )
            self._ports = RecommendPorts(
                state, self.members, self.flags, self.log, self.perf_counter
            )
        return self._ports

    def add_model(self, seed: int) -> str:
        """Store another artefact of the same items; no member has a vector for it."""
        files = make_artefact_files(self.items, seed)
        model_id = unpack_artefact(files).model_id
        for name, body in files.items():
            self.blobs.put(artefact_key(model_id, name), body)
        return model_id

    def add_known_model(self, seed: int) -> str:
        """Store another artefact of the same items, and a vector of every member for it."""
        model_id = self.add_model(seed)
        owner = self.cache.artefact(model_id).owner
        self.members.put_many(
            replace(
                member,
                vectors={**member.vectors, model_id: pack_vector(make_vector(90 + n), owner=owner)},
            )
            for n, member in enumerate(list(self.members.scan()))
        )
        return model_id

    def recommend(
        self, request_id: str = "r-1", member_id: str | None = "m1", **body: object
    ) -> RecommendationResponse:
        """Answer one request."""
        request = RecommendationRequest.model_validate({"member_id": member_id, **body})
        return recommend_items(request, request_id=request_id, ports=self.ports, now=NOW)

    def slim(self) -> list[SlimRequest]:
        """Slim lines so far."""
        return [decode_record(SlimRequest, row) for row in self.log.rows("slim_requests")]

    def full(self) -> list[FullRequest]:
        """Full records so far."""
        return [decode_record(FullRequest, row) for row in self.log.rows("full_requests")]


FOLD_IN = {
    "strength": 5.0,
    "background": [1 / 6] * 6 + [0.25] * 4 + [1 / 3] * 3,
    "weights": {"genre": 2.0, "year": 0.5, "language": 1.0},
}
"""A prior for worlds whose cold members are folded in."""


def make_world(
    count: int = 200, *, members: int = 5, seed: int = 0, **manifest: object
) -> ServedWorld:
    """Build a world whose full records are always written; `manifest` as fold_in=FOLD_IN."""
    items = make_items(count, seed)
    files = make_artefact_files(items, seed, **manifest)
    artefact = unpack_artefact(files)
    delta_id, body = make_delta(artefact, items)
    blobs = MemoryBlobs({artefact_key(artefact.model_id, k): v for k, v in files.items()})
    blobs.put(delta_key(delta_id), body)
    blobs.put(POINTER_KEY, dump_delta_pointer(DeltaPointer(delta_id, AS_OF, artefact.model_id)))
    known = [
        Member(
            member_id=f"m{number}",
            vectors={artefact.model_id: pack_vector(make_vector(number), owner=artefact.owner)},
            seen=tuple(item.item_id for item in items[number::17][:9]),
            salt=f"salt-{number}",
        )
        for number in range(1, members + 1)
    ]
    flags = MemoryFlags(plan=SamplingPlan(rate=1.0, raised_rate=1.0, explore_rate=0.1))
    return ServedWorld(items, artefact, delta_id, blobs, MemoryMembers(known), flags=flags)


def popular_ids(world: ServedWorld) -> list[str]:
    """Ids of the items that have launched, best popularity first, ties by id."""
    catalogue = world.catalogue
    launched = catalogue.launched(NOW)
    order = np.lexsort((catalogue.item_ids, -catalogue.bias))
    return [catalogue.item_ids[row] for row in order if launched[row]]
