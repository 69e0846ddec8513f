"""Rows of the request log with everything but what a test speaks of filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from recsysops.request_log.records import FeedbackEvent, FullRequest, SlimRequest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

_COMMON: dict[str, Any] = {
    "event_time": NOW,
    "surface": "home",
    "member": "m1",
    "member_group": 1,
    "member_known": True,
    "model_id": "m-1",
    "delta_id": "d-1",
    "flag_version": "",
    "hotfix_ids": [],
    "arm": "greedy",
    "shown": ["i0", "i1", "i2"],
    "propensities": [0.9, 0.9, 0.9],
    "eligible_count": 60,
    "status": "ok",
    "stratum": "home/known/no-launch/greedy",
    "inclusion_probability": 1.0,
    "traffic": "live",
}


def make_slim(request_id: str, **changes: Any) -> SlimRequest:
    """A slim line."""
    changes.pop("limit", None)
    columns = {**_COMMON, "scores": [], "latency_ms": 1.0, "full": True, **changes}
    return SlimRequest(request_id=request_id, **columns)


def make_full(request_id: str, *, shortlist: list[str], **changes: Any) -> FullRequest:
    """A full record."""
    columns = {
        **_COMMON,
        "member_vector": None,
        "context": "{}",
        "limit": 3,
        "candidates": [],
        "excluded": [],
        "explore_rate": 0.1,
        "scores": [0.0] * len(shortlist),
        "blocks": ["popularity"],
        "contributions": [0.0] * len(shortlist),
        "code_version": "a test",
        "fingerprint": "a test",
        "input_digest": "",
        **changes,
    }
    return FullRequest(request_id=request_id, shortlist=shortlist, **columns)


def make_click(request_id: str, item_id: str, **changes: Any) -> FeedbackEvent:
    """A feedback event."""
    columns: dict[str, Any] = {
        "event_id": f"e-{request_id}-{item_id}",
        "event_time": NOW,
        "member": "m1",
        "member_group": 1,
        "kind": "click",
        "value": 1.0,
        "traffic": "live",
        **changes,
    }
    return FeedbackEvent(request_id=request_id, item_id=item_id, **columns)
