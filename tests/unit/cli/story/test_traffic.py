"""Traffic: requests in chunks, each followed by what its members chose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from recsysops.cli.story.traffic import CHUNK, feedback_body, request_body, send_stretch
from recsysops.errors import DependencyError
from recsysops.serving.api import FeedbackRequest, RecommendationRequest
from recsysops.simulation.retimed import Stretch, TrafficRequest
from recsysops.vocabulary import Window

START = datetime(2026, 3, 2, tzinfo=UTC)


def make_stretch(count: int) -> Stretch:
    requests = tuple(
        TrafficRequest(f"r-{n}", f"e-{n}", f"m{n % 3}", f"i{n}", START + timedelta(seconds=n))
        for n in range(count)
    )
    return Stretch(Window(START, START + timedelta(days=1)), requests)


def test_every_request_is_sent_once_and_its_choice_follows_under_the_servers_id() -> None:
    stretch = make_stretch(2 * CHUNK + 5)
    fed: list[tuple[str, str]] = []
    told: list[tuple[int, int]] = []

    def feedback(sent: Sequence[tuple[TrafficRequest, str]]) -> None:
        assert len(sent) <= CHUNK
        fed.extend((request.request_id, server_id) for request, server_id in sent)

    sent = send_stretch(
        stretch,
        request=lambda request: f"server-{request.request_id}",
        feedback=feedback,
        threads=3,
        progress=lambda done, total: told.append((done, total)),
    )
    assert sent == len(stretch.requests)
    assert fed == [(r.request_id, f"server-{r.request_id}") for r in stretch.requests]
    assert told == [(CHUNK, sent), (2 * CHUNK, sent), (sent, sent)]


def test_an_api_that_fails_stops_the_stretch() -> None:
    def fail(_: TrafficRequest) -> str:
        raise DependencyError("503")

    with pytest.raises(DependencyError):
        send_stretch(
            make_stretch(3), request=fail, feedback=print, threads=2, progress=lambda *_: None
        )


def test_bodies_are_what_the_api_takes() -> None:
    (request,) = make_stretch(1).requests
    asked = RecommendationRequest.model_validate(request_body(request))
    assert (asked.member_id, asked.event_time) == ("m0", START)
    (event,) = FeedbackRequest.model_validate(feedback_body([(request, "server-1")])).events
    assert (event.request_id, event.event_id, event.item_id) == ("server-1", "e-0", "i0")
    assert (event.kind, event.event_time) == ("play", START)
