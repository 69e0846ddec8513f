"""Answers one home page: an ordinary request whose slate is the first row, and rows below it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from recsysops.serving.api import RecommendationRequest
from recsysops.serving.home_api import HomeItem, HomeParameters, HomeResponse, HomeRow
from recsysops.serving.home_page import HOME_LAYOUT, PageRow, fill_rows
from recsysops.serving.served_request import ServedRequest
from recsysops.serving.similar import SimilarityIndexes
from recsysops.workflows.recommend_items import RecommendPorts, log_request, serve_request


def serve_home(
    asked: HomeParameters,
    *,
    request_id: str,
    ports: RecommendPorts,
    indexes: SimilarityIndexes,
    now: datetime,
) -> HomeResponse:
    """Answer a page and log it as one request of surface "home".

    What is missing degrades as `recommend_items` does; without a catalogue the page is the one
    row of the stored list. No item stands on a page twice.
    """
    started = ports.perf_counter()
    ports.state.poll()
    plan = ports.flags.sampling_plan()
    request = RecommendationRequest(member_id=asked.member_id, surface="home", limit=asked.limit)
    served = serve_request(request, request_id=request_id, ports=ports, plan=plan, now=now)
    served = _add_rows(served, indexes)
    response = _respond(served)
    latency_ms = 1_000.0 * (ports.perf_counter() - started)
    ports.log.defer(partial(log_request, served, plan, ports, latency_ms=latency_ms))
    return response


def _add_rows(served: ServedRequest, indexes: SimilarityIndexes) -> ServedRequest:
    ranked = served.ranked
    if ranked is None:
        ids = tuple(item.item_id for item in served.shown)
        stored = PageRow("top_picks", ids, tuple(item.score for item in served.shown))
        return replace(served, rows=(stored,) if ids else ())
    index = indexes.of(ranked.catalogue)
    rows = fill_rows(ranked.catalogue, ranked.ranking, ranked.slate, index=index)
    return replace(served, rows=rows, layout=HOME_LAYOUT)


def _respond(served: ServedRequest) -> HomeResponse:
    return HomeResponse(
        request_id=served.request_id,
        model_id=served.model_id,
        delta_id=served.delta_id,
        rows=tuple(_respond_row(row) for row in served.rows),
        status="ok" if served.fallback_reason is None else "fallback",
        fallback_reason=served.fallback_reason,
        fallback_step=served.fallback_step,
    )


def _respond_row(row: PageRow) -> HomeRow:
    pairs = zip(row.item_ids, row.scores, strict=True)
    items = tuple(
        HomeItem(item_id=item_id, position=position, score=score)
        for position, (item_id, score) in enumerate(pairs, start=1)
    )
    return HomeRow(name=row.name, because_of=row.because_of, items=items)
