"""Import and init of the scoring function in fresh processes, and their parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.benchmarks.loopback_aws import loopback_aws
from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Step
from tests.benchmarks.world import BenchWorld

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = ROOT / "functions" / "recommend_items"
PARTS = ("numpy", "pydantic", "botocore.session", "aws_lambda_powertools")

_PROBE = """
import json, sys, time
started = time.perf_counter()
from recsysops import bootstrap
wire = bootstrap.wire_scorer
def timed(ports):
    before = time.perf_counter()
    scorer = wire(ports)
    timed.seconds = time.perf_counter() - before
    return scorer
bootstrap.wire_scorer = timed
import handler
whole = time.perf_counter() - started
state = handler.SCORER.ports.state
assert state.loaded is not None, state.drain_problems()
before = time.perf_counter()
from recsysops.adapters.snap_start import renew_after_restore
renew_after_restore(handler.SCORER.renewals)
restored = time.perf_counter() - before
print(json.dumps({"whole": whole, "wire": timed.seconds, "restored": restored}))
"""


def measure_cold_start(world: BenchWorld, *, repetitions: int, progress: Step) -> list[Row]:
    """Start the function several times with compiled modules at hand, once without."""
    cache = world.folder / "bytecode"
    with loopback_aws(world.folder) as endpoint:
        environment = _environment(world, endpoint, PYTHONPYCACHEPREFIX=str(cache))
        _start(environment)
        starts = []
        for number in range(repetitions):
            starts.append(_start(environment))
            progress(number + 1)
        bare = _start(_environment(world, endpoint, PYTHONDONTWRITEBYTECODE="1"))
        parts = _import_parts(environment)
    whole = np.array([start["whole"] for start in starts])
    wired = float(np.median([start["wire"] for start in starts]))
    restored = np.array([start["restored"] for start in starts])
    count = f"{len(world.item_ids):,} items"
    return [
        Row(f"import + init, artefact of {count}", float(np.median(whole)), "s", limit=0.7,
            low=float(whole.min()), high=float(whole.max())),
        Row("… of which imports", float(np.median(whole)) - wired, "s"),
        *(Row(f"…… {name}", seconds, "s", note="its own and what it alone brings, -X importtime")
          for name, seconds in parts.items()),
        Row("… of which clients, flags and the catalogue", wired, "s"),
        Row("work after a SnapStart restore", 1_000.0 * float(np.median(restored)), "ms",
            low=1_000.0 * float(restored.min()), high=1_000.0 * float(restored.max()),
            note="connections forgotten, generator reseeded, flags polled"),
        Row("import + init without bytecode", bare["whole"], "s",
            note="as a layer that ships no .pyc starts; SnapStart pays it once per version"),
    ]  # fmt: skip


def _environment(world: BenchWorld, endpoint: str, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        **world.environment,
        "AWS_ENDPOINT_URL": endpoint,
        "PYTHONPATH": str(FUNCTION),
        "OPENBLAS_NUM_THREADS": "1",
        **more,
    }


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True
    )


def _start(environment: dict[str, str]) -> dict[str, float]:
    last = _run(environment, "-c", _PROBE).stdout.splitlines()[-1]
    measured: dict[str, float] = json.loads(last)
    return measured


def _import_parts(environment: dict[str, str]) -> dict[str, float]:
    text = _run(environment, "-X", "importtime", "-c", "import handler").stderr
    lines = re.findall(r"\|\s*(\d+) \|\s+([\w.]+)$", text, flags=re.MULTILINE)
    found = {name: int(microseconds) / 1e6 for microseconds, name in lines}
    return {name: found.get(name, 0.0) for name in PARTS}
