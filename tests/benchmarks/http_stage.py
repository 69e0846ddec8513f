"""The deployed laptop stage through its HTTP API: no errors, and where the time goes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np
from recsysops.adapters.http_api import HttpApi
from recsysops.bootstrap import Ports
from recsysops.errors import RecSysOpsError
from recsysops.settings import settings_from_outputs

from tests.benchmarks.rows import Row

OUTPUTS = Path(__file__).resolve().parents[2] / "build" / "local" / "outputs.json"
CLIENTS = 8


def measure_http(*, requests: int, handler_ms: float) -> list[Row]:
    """Ask with eight clients at once; a note instead when no stage is up."""
    try:
        ports = Ports(settings_from_outputs(OUTPUTS))
        token = ports.token.token()
    except RecSysOpsError as error:
        return [Row("HTTP API, 8 clients", float("nan"), "", note=f"skipped: {error}")]
    assert ports.settings.api_url is not None
    apis = [HttpApi(ports.settings.api_url, token=lambda: token) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = pool.map(lambda api: _ask(api, requests // CLIENTS), apis)
        answers = [answer for share in shares for answer in share]
    times = np.array([seconds for seconds, _ in answers])
    errors = sum(not is_right for _, is_right in answers)
    outside = 1.0 - handler_ms / (1_000.0 * float(np.median(times)))
    return [
        Row(f"HTTP API, {CLIENTS} clients, errors", errors, "", limit=0.0,
            note=f"of {len(answers):,} requests"),
        Row(f"HTTP API, {CLIENTS} clients, p50", 1_000.0 * float(np.median(times)), "ms",
            low=1_000.0 * float(times.min()), high=1_000.0 * float(times.max())),
        Row("share of the p50 outside the handler", outside, "",
            note="against the in-process handler; emulator, queues and JWT are the rest"),
    ]  # fmt: skip


def _ask(api: HttpApi, count: int) -> list[tuple[float, bool]]:
    answers = []
    for number in range(count):
        started = perf_counter()
        try:
            answer = api.call("POST", "/v1/recommendations", {"member_id": f"bench-{number}"})
            is_right = bool(json.dumps(answer))
        except RecSysOpsError:
            is_right = False
        answers.append((perf_counter() - started, is_right))
    return answers
