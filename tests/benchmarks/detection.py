"""`make bench`: measures the drift judge and writes build/bench/detection.json."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks.drift.measure import measure_sharpness, measure_speed
from tests.benchmarks.rows import print_rows, write_rows

REPORT = Path(__file__).resolve().parents[2] / "build" / "bench" / "detection.json"


def main() -> int:
    """Measure, print, write; 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and seeds")
    quick = parser.parse_args().quick
    console = Console(width=max(140, Console().width))
    repetitions, seeds = (1, 10) if quick else (3, 100)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        speed = bar.add_task("drift", total=repetitions)
        sharp = bar.add_task("corruptions", total=seeds)
        rows = [
            *measure_speed(
                repetitions=repetitions, progress=lambda n: bar.update(speed, completed=n)
            ),
            *measure_sharpness(seeds=seeds, progress=lambda n: bar.update(sharp, completed=n)),
        ]
    print_rows(rows, console, title="Detection, measured")
    write_rows(rows, REPORT)
    console.print(f"written to {REPORT.relative_to(Path.cwd())}; load {os.getloadavg()[0]:.1f}")
    return 1 if any(row.ok is False for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
