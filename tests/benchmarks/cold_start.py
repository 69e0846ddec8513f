"""Import and init of the scoring function in fresh processes, and their parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
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
started, worked = time.perf_counter(), time.process_time()
from recsysops import bootstrap
wire = bootstrap.wire_scorer
def timed(ports):
    before = time.perf_counter()
    scorer = wire(ports)
    timed.seconds = time.perf_counter() - before
    return scorer
bootstrap.wire_scorer = timed
import handler
whole, cpu = time.perf_counter() - started, time.process_time() - worked
imported = sorted(set(sys.modules) & {"boto3", "botocore", "aws_lambda_powertools"})
state, log = handler.SCORER.ports.state, handler.SCORER.log
assert state.loaded is not None, state.drain_problems()
before = time.perf_counter()
log.write("slim_requests", ["{}"])
log.flush()
assert log.take_losses() == 0
flushed = time.perf_counter() - before
before = time.perf_counter()
from recsysops.adapters.snap_start import renew_after_restore
renew_after_restore(handler.SCORER.renewals)
state.poll()
restored = time.perf_counter() - before
print(json.dumps({"whole": whole, "cpu": cpu, "wire": timed.seconds, "flushed": flushed,
                  "restored": restored, "imported": imported}))
"""


@dataclass(frozen=True)
class Start:
    """One start: seconds by the wall, seconds of CPU, and which heavy modules it imported."""

    whole: float
    cpu: float
    wire: float
    flushed: float
    restored: float
    imported: tuple[str, ...]


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
        nothing = {
            "PYTHONPYCACHEPREFIX": str(world.folder / "none"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        bare = _start(_environment(world, endpoint, **nothing))
        parts = _import_parts(environment)
    return _rows(starts, bare, parts, count=f"{len(world.item_ids):,} items")


def start_once(world: BenchWorld, endpoint: str) -> Start:
    """Start the function in a fresh process."""
    return _start(_environment(world, endpoint))


def _rows(starts: list[Start], bare: Start, parts: dict[str, float], *, count: str) -> list[Row]:
    whole = np.array([start.whole for start in starts])
    wired = float(np.median([start.wire for start in starts]))
    flushed, restored = ([1_000.0 * getattr(start, name) for start in starts]
                         for name in ("flushed", "restored"))  # fmt: skip
    cpu = [start.cpu for start in starts]
    return [
        Row(f"import + init, artefact of {count}", float(np.median(whole)), "s", limit=0.7,
            low=float(whole.min()), high=float(whole.max())),
        Row("… its CPU time", float(np.median(cpu)), "s", low=min(cpu), high=max(cpu)),
        Row("… of which imports", float(np.median(whole)) - wired, "s"),
        *(Row(f"…… {name}", seconds, "s", note="its own and what it alone brings, -X importtime")
          for name, seconds in parts.items()),
        Row("… of which flags and the catalogue", wired, "s"),
        Row("first delivery of the log, after the first response", float(np.median(flushed)), "ms",
            low=min(flushed), high=max(flushed), note="imports botocore and makes its client"),
        Row("work after a SnapStart restore", float(np.median(restored)), "ms",
            low=min(restored), high=max(restored),
            note="connections forgotten, generator reseeded, flags and pointer read anew"),
        Row("import + init without bytecode", bare.whole, "s",
            note="every module compiled, the standard library's too; our layers ship theirs"),
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


def _start(environment: dict[str, str]) -> Start:
    measured = json.loads(_run(environment, "-c", _PROBE).stdout.splitlines()[-1])
    return Start(**{**measured, "imported": tuple(measured["imported"])})


def _import_parts(environment: dict[str, str]) -> dict[str, float]:
    text = _run(environment, "-X", "importtime", "-c", "import handler").stderr
    lines = re.findall(r"\|\s*(\d+) \|\s+([\w.]+)$", text, flags=re.MULTILINE)
    found = {name: int(microseconds) / 1e6 for microseconds, name in lines}
    return {name: found.get(name, 0.0) for name in PARTS}
