"""Answers which items are like an item, a vector, features or a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from recsysops.errors import BadBody, NotFound
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.ports import FlagReader, TextEmbedder
from recsysops.request_log.pseudonym import unknown_pseudonym
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
from recsysops.workflows.scorer_state import ScorerState


@dataclass(frozen=True, slots=True)
class SimilarPorts:
    """What a search needs from the world; embedder None: a text is the mean of its words."""

    state: ScorerState
    flags: FlagReader
    embedder: TextEmbedder | None = None
    indexes: SimilarityIndexes = field(default_factory=SimilarityIndexes)


@dataclass(frozen=True, slots=True)
class _Served:
    """The catalogue that answers, as this request sees it, and what a hotfix blocks."""

    catalogue: Catalogue
    blocked: frozenset[str]


def similar_to_item(
    asked: SimilarParameters, *, request_id: str, ports: SimilarPorts, now: datetime
) -> SimilarResponse:
    """Return launched items like one item, never the item itself.

    The item may be sold out, dear or not launched yet: the filters are for the answer. Before any
    catalogue is loaded, and for an item without a vector, the list is empty and says why.

    Raises: NotFound when the catalogue has no such item.
    """
    served = _look(ports, request_id=request_id, now=now)
    if served is None:
        return _without_catalogue(request_id, "item")
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
    return _answer(served, query, kind="item", request_id=request_id, ports=ports)


def similar_to(
    asked: SimilarRequest, *, request_id: str, ports: SimilarPorts, now: datetime
) -> SimilarResponse:
    """Return launched items like a vector, features or a text.

    Raises: BadBody when the vector is of another width or the query points nowhere;
        DependencyError when the embedder fails.
    """
    served, kind = _look(ports, request_id=request_id, now=now), _kind_of(asked)
    if served is None:
        return _without_catalogue(request_id, kind)
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
    return _answer(served, query, kind=kind, request_id=request_id, ports=ports)


def _look(ports: SimilarPorts, *, request_id: str, now: datetime) -> _Served | None:
    ports.state.poll()
    # nobody is asked for: a share of requests is exposed, as with members we do not know
    hotfixes = exposed_hotfixes(ports.flags.hotfixes(), unknown_pseudonym(request_id), now)
    catalogue = ports.state.catalogue(hotfixes)
    return None if catalogue is None else _Served(catalogue, blocked_items(hotfixes))


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
    query: SimilarityQuery,
    *,
    kind: QueryKind,
    request_id: str,
    ports: SimilarPorts,
) -> SimilarResponse:
    catalogue = served.catalogue
    found = find_similar(catalogue, query, index=ports.indexes.of(catalogue))
    points_nowhere = not query.vector.any()
    return SimilarResponse(
        request_id=request_id,
        model_id=catalogue.model_id,
        delta_id=catalogue.delta_id,
        items=tuple(
            SimilarItem(item_id=item_id, position=position, similarity=cosine)
            for position, (item_id, cosine) in enumerate(found, start=1)
        ),
        query=kind,
        status="fallback" if points_nowhere else "ok",
        fallback_reason="item_without_vector" if points_nowhere else None,
    )


def _without_catalogue(request_id: str, kind: QueryKind) -> SimilarResponse:
    return SimilarResponse(
        request_id=request_id,
        model_id="",
        delta_id="",
        items=(),
        query=kind,
        status="fallback",
        fallback_reason="no_catalogue",
    )
