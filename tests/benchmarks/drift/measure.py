"""How fast, how lean, how straight and how sharp the drift judge is, next to Evidently's preset."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from recsysops.detection.table_drift import judge_table
from recsysops.detection.table_profile import NumberColumn, TableProfile, deal_groups, profile_table

from tests.benchmarks.rows import Row
from tests.benchmarks.timing import Step

ROWS, COLUMNS = 100_000, 50
LEAST_RATIO = 10.0
_HERE = Path(__file__).resolve().parent
_PROJECT = _HERE.parents[2]
_ENVIRONMENT = _PROJECT / "build" / "bench" / "evidently"
_ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_SHARE = 0.1

Corruption = Callable[[np.ndarray, np.ndarray], np.ndarray]
CORRUPTIONS: Mapping[str, Corruption] = {
    "zero-filled": lambda values, hit: np.where(hit, 0.0, values),
    "divided by 100": lambda values, hit: np.where(hit, values / 100.0, values),
    "median-filled": lambda values, hit: np.where(hit, np.median(values), values),
}
"""What happens to a tenth of the rows."""


def measure_speed(*, repetitions: int, progress: Step) -> list[Row]:
    """Run both in turn, each in a fresh process; medians over the repetitions."""
    evidently = make_evidently()
    ours, theirs = [], []
    for repetition in range(repetitions):
        ours.append(_run([sys.executable, "-m", "tests.benchmarks.drift.ours"]))
        if evidently:
            theirs.append(_run([str(evidently), str(_HERE / "evidently_preset.py")]))
        progress(repetition + 1)
    taken = [run["seconds"] for run in ours]
    rows = [
        Row(
            "drift judge, 100k rows × 50 columns",
            float(np.median(taken)),
            "s",
            limit=2.0,
            low=min(taken),
            high=max(taken),
            note="a reference profiled and a table judged",
        ),
        Row(
            "the same against a frozen profile",
            float(np.median([run["judging"] for run in ours])),
            "s",
        ),
        Row(
            "its peak memory",
            max(run["mebibytes"] for run in ours),
            "MiB",
            limit=286.0,
            note="300 MB; both tables are 76 MiB of it",
        ),
        _growth(ours),
    ]
    return [*rows, *_compared(ours, theirs)]


def measure_sharpness(*, seeds: int, progress: Step) -> list[Row]:
    """Count seeds whose three corruptions are all found, and seeds silent on 0.02 sigma."""
    groups = deal_groups(ROWS)
    found, silent = 0, 0
    for seed in range(seeds):
        rng = np.random.default_rng(10_000 + seed)
        before, now = rng.lognormal(size=(2, ROWS))
        hit = rng.random(ROWS) < _SHARE
        profile = profile_table({"x": NumberColumn(before)}, groups=groups)
        loud = [_is_loud(profile, corrupt(now, hit)) for corrupt in CORRUPTIONS.values()]
        found += all(loud)
        silent += not _is_loud(profile, now + 0.02 * before.std())
        progress(seed + 1)
    return [
        Row(
            f"a tenth of a column {', '.join(CORRUPTIONS)}: all three found",
            100.0 * found / seeds,
            "% of seeds",
            at_least=99.0,
            note=f"{seeds} seeds, 100k rows",
        ),
        Row("silent on a shift of 0.02 sigma", 100.0 * silent / seeds, "% of seeds", at_least=99.0),
    ]


def make_evidently() -> Path | None:
    """Make Evidently's environment once; returns its Python, None when it cannot be installed."""
    python = _ENVIRONMENT / "bin" / "python"
    ready = _ENVIRONMENT / ".ready"
    if ready.exists():
        return python
    uv = str(Path(sys.executable).parent / "uv")
    commands = [
        [uv, "venv", "-q", "--clear", "--python", sys.executable, str(_ENVIRONMENT)],
        [
            uv,
            "pip",
            "install",
            "-q",
            "--system-certs",
            "--python",
            str(python),
            "--require-hashes",
            "-r",
            str(_HERE / "evidently.txt"),
        ],
    ]
    for command in commands:
        if subprocess.run(command, check=False).returncode != 0:
            return None
    ready.touch()
    return python


def _growth(ours: list[dict[str, float]]) -> Row:
    """Exponent of the time in the number of rows, from four times as many."""
    more = _run([sys.executable, "-m", "tests.benchmarks.drift.ours"], rows=4 * ROWS)
    least = min(run["seconds"] for run in ours)
    return Row(
        "its growth with the rows, exponent",
        math.log(more["seconds"] / least) / math.log(4.0),
        "",
        limit=1.15,
        note="1 is linear; 400k rows against 100k",
    )


def _compared(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> list[Row]:
    if not theirs:
        return [
            Row(
                "Evidently's drift preset over ours",
                math.nan,
                "×",
                at_least=LEAST_RATIO,
                note="could not be installed here",
            )
        ]
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs, strict=True)]
    version = theirs[0]["version"]
    return [
        Row(
            "Evidently's drift preset",
            float(np.median([run["seconds"] for run in theirs])),
            "s",
            note=f"{version}, defaults, peak {max(run['mebibytes'] for run in theirs):.0f} MiB",
        ),
        Row(
            "Evidently's drift preset over ours",
            float(np.median(ratios)),
            "×",
            at_least=LEAST_RATIO,
            low=min(ratios),
            high=max(ratios),
        ),
    ]


def _run(command: list[str], *, rows: int = ROWS) -> dict[str, float]:
    done = subprocess.run(
        [*command, str(rows), str(COLUMNS)],
        check=True,
        capture_output=True,
        text=True,
        cwd=_PROJECT,
        env=_ONE_THREAD,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _is_loud(profile: TableProfile, values: np.ndarray) -> bool:
    drift = judge_table(profile, {"x": NumberColumn(values)}, groups=deal_groups(len(values)))
    return bool(drift.alarms)
