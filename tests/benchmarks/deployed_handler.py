"""Loads the recommend_items handler in this process, as Lambda would, against a stand-in."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

from recsysops.bootstrap import use_ports

from tests.benchmarks.world import MEMBER

ROOT = Path(__file__).resolve().parents[2]
HANDLER = ROOT / "functions" / "recommend_items" / "handler.py"
ENVELOPE = json.loads(
    (ROOT / "events" / "recommend_items" / "200-candidates-some-unknown.json").read_text()
)


@contextlib.contextmanager
def deployed_handler(environment: Mapping[str, str], endpoint: str) -> Iterator[ModuleType]:
    """Import the handler with a deployed function's environment; what it prints is dropped."""
    before = dict(os.environ)
    os.environ.update({**environment, "AWS_ENDPOINT_URL": endpoint})
    use_ports(None)
    spec = importlib.util.spec_from_file_location("bench_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            spec.loader.exec_module(module)
            yield module
        finally:
            module.SCORER.after.stop()
            use_ports(None)
            os.environ.clear()
            os.environ.update(before)


def make_event(candidates: Sequence[str]) -> dict[str, object]:
    """Return the HTTP API event of one request for the bench's member."""
    body = json.dumps({"member_id": MEMBER, "limit": 10, "candidates": list(candidates)})
    return {**ENVELOPE, "body": body, "isBase64Encoded": False}


def caller(
    module: ModuleType, events: Sequence[Mapping[str, object]]
) -> Callable[[int], Mapping[str, object]]:
    """Return what handles the n-th event; every call is another request."""

    def call(number: int) -> Mapping[str, object]:
        context = SimpleNamespace(aws_request_id=f"7c4f1a2e-0b3d-4e5f-8a9b-{number:012d}")
        answer: Mapping[str, object] = module.handle(events[number % len(events)], context)
        assert answer["statusCode"] == 200
        return answer

    return call
