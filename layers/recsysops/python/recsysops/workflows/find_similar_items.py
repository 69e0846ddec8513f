"""Answers which items are like an item, a vector, features or a text, and logs each answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import numpy as np

from recsysops.errors import BadBody, NotFound
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.ports import FlagReader, LogSink, TextEmbedder
from recsysops.request_log.pseudonym import unknown_pseudonym
from recsysops.request_log.records import SCHEMA_VERSION, SimilarLine
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import truncate_milliseconds
from recsysops.serving.filters import AttributeFilters, dump_filters
from recsysops.serving.hotfixes import blocked_items, exposed_hotfixes
from recsysops.serving.similar import (
    SimilarityIndexes,
    SimilarityQuery,
    embed_features,
    find_similar,
)
from recsysops.serving.similar_api import (
    QueryKind,
    SimilarItem,
    SimilarParameters,
    SimilarRequest,
    SimilarResponse,
)
from recsysops.vocabulary import FlagDocument, Hotfix, Surface
from recsysops.workflows.scorer_state import ScorerState


@dataclass(frozen=True, slots=True)
class SimilarPorts:
    """What a search needs from the world.

    perf_counter: seconds from any origin. embedder None: a text is the mean of its words.
    """

    state: ScorerState
    flags: FlagReader
    log: LogSink
    perf_counter: Callable[[], float]
    embedder: TextEmbedder | None = None
    indexes: SimilarityIndexes = field(default_factory=SimilarityIndexes)


@dataclass(frozen=True, slots=True)
class _Served:
    """What a search is served with; catalogue None: nothing could be loaded yet.

    started: reading of the ports' counter.
    """

    request_id: str
    event_time: datetime
    started: float
    document: FlagDocument
    hotfixes: tuple[Hotfix, ...]
    catalogue: Catalogue | None

    @property
    def blocked(self) -> frozenset[str]:
        """Items that a hotfix blocks."""
        return blocked_items(self.hotfixes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of a search is logged besides its answer; surface: by which route it came."""

    surface: Surface
    kind: QueryKind
    limit: int
    filters: AttributeFilters
    seed_item: str | None = None
    excluded_count: int = 0


def similar_to_item(
    asked: SimilarParameters, *, request_id: str, ports: SimilarPorts, now: datetime
) -> SimilarResponse:
    """Return launched items like one item, never the item itself.

    The item may be sold out, dear or not launched yet: the filters are for the answer. Before any
    catalogue is loaded, and for an item without a vector, the list is empty and says why.

    Raises: NotFound when the catalogue has no such item.
    """
    served = _look(ports, request_id=request_id, now=now)
    told = _Asked("item", "item", asked.limit, asked.filters, seed_item=asked.item_id)
    if served.catalogue is None:
        return _answer_nothing(served, told, ports)
    row = served.catalogue.row_of.get(asked.item_id)
    if row is None:
        raise NotFound(f"no item {asked.item_id!r}")
    query = SimilarityQuery(
        vector=served.catalogue.matrix[row],
        event_time=now,
        limit=asked.limit,
        excluded=served.blocked | {asked.item_id},
        filters=asked.filters,
    )
    return _answer(served, served.catalogue, query, told, ports)


def similar_to(
    asked: SimilarRequest, *, request_id: str, ports: SimilarPorts, now: datetime
) -> SimilarResponse:
    """Return launched items like a vector, features or a text.

    Raises: BadBody when the vector is of another width or the query points nowhere;
        DependencyError when the embedder fails.
    """
    served, kind = _look(ports, request_id=request_id, now=now), _kind_of(asked)
    told = _Asked("similar", kind, asked.limit, asked.filters, excluded_count=len(asked.exclude))
    if served.catalogue is None:
        return _answer_nothing(served, told, ports)
    vector = _embed(asked, served.catalogue, ports)
    if not vector.any():
        raise BadBody([(kind, "points nowhere: it is zero in every number the model knows")])
    query = SimilarityQuery(
        vector=vector,
        event_time=now,
        limit=asked.limit,
        excluded=served.blocked | frozenset(asked.exclude),
        filters=asked.filters,
    )
    return _answer(served, served.catalogue, query, told, ports)


def _look(ports: SimilarPorts, *, request_id: str, now: datetime) -> _Served:
    started = ports.perf_counter()
    ports.state.poll()
    document = ports.flags.hotfixes()
    # nobody is asked for: a share of requests is exposed, as with members we do not know
    hotfixes = exposed_hotfixes(document, unknown_pseudonym(request_id), now)
    catalogue = ports.state.catalogue(hotfixes)
    return _Served(request_id, now, started, document, hotfixes, catalogue)


def _kind_of(asked: SimilarRequest) -> QueryKind:
    if asked.vector is not None:
        return "vector"
    return "text" if asked.text is not None else "features"


def _embed(asked: SimilarRequest, catalogue: Catalogue, ports: SimilarPorts) -> Float32Array:
    if asked.vector is not None:
        return _fit(asked.vector, catalogue, path="vector")
    if asked.features is not None:
        return embed_features(catalogue, asked.features)
    text = asked.text or ""
    if ports.embedder is not None:
        embedded = ports.embedder.embed(text, model_id=catalogue.model_id)
        return _fit(tuple(embedded), catalogue, path="text")
    index = ports.indexes.of(catalogue)
    return index.words.embed(text, matrix=catalogue.matrix, norms=index.norms)


def _fit(numbers: tuple[float, ...], catalogue: Catalogue, *, path: str) -> Float32Array:
    width = catalogue.encoder.width
    if len(numbers) != width:
        raise BadBody([(path, f"{len(numbers)} numbers; items of this model have {width}")])
    return np.array(numbers, dtype=np.float32)


def _answer(
    served: _Served,
    catalogue: Catalogue,
    query: SimilarityQuery,
    asked: _Asked,
    ports: SimilarPorts,
) -> SimilarResponse:
    found = find_similar(catalogue, query, index=ports.indexes.of(catalogue))
    points_nowhere = not query.vector.any()
    response = SimilarResponse(
        request_id=served.request_id,
        model_id=catalogue.model_id,
        delta_id=catalogue.delta_id,
        items=tuple(
            SimilarItem(item_id=item_id, position=position, similarity=cosine)
            for position, (item_id, cosine) in enumerate(found, start=1)
        ),
        query=asked.kind,
        status="fallback" if points_nowhere else "ok",
        fallback_reason="item_without_vector" if points_nowhere else None,
    )
    return _log_after(response, served, asked, ports, vector=query.vector)


def _answer_nothing(served: _Served, asked: _Asked, ports: SimilarPorts) -> SimilarResponse:
    response = SimilarResponse(
        request_id=served.request_id,
        model_id="",
        delta_id="",
        items=(),
        query=asked.kind,
        status="fallback",
        fallback_reason="no_catalogue",
    )
    return _log_after(response, served, asked, ports, vector=None)


def _log_after(
    response: SimilarResponse,
    served: _Served,
    asked: _Asked,
    ports: SimilarPorts,
    *,
    vector: Float32Array | None,
) -> SimilarResponse:
    """Put the line off until after the response, and return that."""
    latency_ms = 1_000.0 * (ports.perf_counter() - served.started)

    def log() -> None:
        line = _write(response, served, asked, vector=vector, latency_ms=latency_ms)
        ports.log.write("similar_requests", [encode_record(line)])

    ports.log.defer(log)
    return response


def _write(
    response: SimilarResponse,
    served: _Served,
    asked: _Asked,
    *,
    vector: Float32Array | None,
    latency_ms: float,
) -> SimilarLine:
    return SimilarLine(
        schema_version=SCHEMA_VERSION,
        request_id=response.request_id,
        event_time=truncate_milliseconds(served.event_time),
        surface=asked.surface,
        query=asked.kind,
        seed_item=asked.seed_item,
        query_digest=None if vector is None else sha256(vector.tobytes()).hexdigest()[:16],
        limit=asked.limit,
        filters=dump_filters(asked.filters),
        excluded_count=asked.excluded_count,
        model_id=response.model_id,
        delta_id=response.delta_id,
        flag_version=served.document.version,
        hotfix_ids=[hotfix.hotfix_id for hotfix in served.hotfixes],
        shown=[item.item_id for item in response.items],
        similarities=[item.similarity for item in response.items],
        propensities=[1.0] * len(response.items),
        status=response.status,
        fallback_reason=response.fallback_reason,
        latency_ms=round(latency_ms, 3),
        traffic="live",
    )
