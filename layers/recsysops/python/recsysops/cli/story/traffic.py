"""Sends a stretch of re-timed traffic: requests in time order, then what members chose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from recsysops.simulation.retimed import Stretch, TrafficRequest

CHUNK = 100
"""Requests between two feedback posts; also the most events one post may carry."""

Progress = Callable[[int, int], None]
SendRequest = Callable[[TrafficRequest], str]
SendFeedback = Callable[[Sequence[tuple[TrafficRequest, str]]], None]


def send_stretch(
    stretch: Stretch,
    *,
    request: SendRequest,
    feedback: SendFeedback,
    threads: int,
    progress: Progress,
) -> int:
    """Send every request of a stretch and the choice it led to; returns how many were sent.

    `request` returns the request id that the server gave. Inside a chunk requests run side by
    side; a chunk's feedback is posted while the next chunk is asked for, so seen items are at
    most two chunks late. With one thread everything happens in order.
    """
    total, sent = len(stretch.requests), 0
    with ThreadPoolExecutor(max_workers=threads) as pool:
        posted: Future[None] | None = None
        for chunk in _chunks(stretch.requests):
            request_ids = list(pool.map(request, chunk))
            if posted is not None:
                posted.result()
            posted = pool.submit(feedback, list(zip(chunk, request_ids, strict=True)))
            if threads == 1:
                posted.result()
            sent += len(chunk)
            progress(sent, total)
        if posted is not None:
            posted.result()
    return sent


def request_body(request: TrafficRequest) -> dict[str, object]:
    """Return the body of POST /v1/recommendations for a re-timed request."""
    return {"member_id": request.member_id, "event_time": request.event_time.isoformat()}


def feedback_body(sent: Sequence[tuple[TrafficRequest, str]]) -> dict[str, object]:
    """Return the body of POST /v1/feedback: every request's choice is a play."""
    return {
        "events": [
            {
                "event_id": request.event_id,
                "request_id": request_id,
                "member_id": request.member_id,
                "item_id": request.item_id,
                "kind": "play",
                "event_time": request.event_time.isoformat(),
            }
            for request, request_id in sent
        ]
    }


def _chunks(requests: Sequence[TrafficRequest]) -> Iterator[Sequence[TrafficRequest]]:
    for start in range(0, len(requests), CHUNK):
        yield requests[start : start + CHUNK]
