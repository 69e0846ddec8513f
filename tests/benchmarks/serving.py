"""`make bench`: measures the scoring path and writes build/bench/serving.json.

Everything that is compared is measured in turn within this one run, so that a busy machine slows
all sides alike; figures with a limit in milliseconds still want a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks.cold_start import measure_cold_start
from tests.benchmarks.feedback import measure_feedback
from tests.benchmarks.http_stage import measure_http
from tests.benchmarks.log_lines import measure_log
from tests.benchmarks.prices import price_a_million
from tests.benchmarks.ranking import measure_ranking
from tests.benchmarks.replaying import measure_replay
from tests.benchmarks.rows import Row, print_rows, write_rows
from tests.benchmarks.timing import Step
from tests.benchmarks.top_k import measure_top_k
from tests.benchmarks.world import BenchWorld, make_bench_world

REPORT = Path(__file__).resolve().parents[2] / "build" / "bench" / "serving.json"
SECTIONS = ("ranking", "top_k", "cold_start", "log", "feedback", "replay", "http", "cost")
ITEMS = 100_000
MILLION = 1_000_000

Section = Callable[[Step], list[Row]]


def main() -> int:
    """Measure, print, write; 1 when a limit is not kept."""
    given = _arguments()
    console = Console(width=max(140, Console().width))
    with tempfile.TemporaryDirectory() as folder, _bar(console) as bar:
        world = make_bench_world(Path(folder), items=ITEMS)
        rows: list[Row] = []
        for name in given.only or SECTIONS:
            task = bar.add_task(name, total=None)
            rows += _measure(
                name,
                world,
                rows,
                quick=given.quick,
                step=lambda n, t=task: bar.update(t, completed=n),
            )
            bar.update(task, total=1, completed=1)
    print_rows(rows, console, title="Serving, measured")
    write_rows(rows, REPORT)
    console.print(f"written to {REPORT.relative_to(Path.cwd())}; load {os.getloadavg()[0]:.1f}")
    return 1 if any(row.ok is False for row in rows) else 0


def _measure(
    name: str, world: BenchWorld, so_far: Sequence[Row], *, quick: bool, step: Step
) -> list[Row]:
    few = 4 if quick else 1
    sections: dict[str, Section] = {
        "ranking": lambda s: measure_ranking(world, repetitions=120 // few, progress=s),
        "top_k": lambda s: measure_top_k(MILLION, repetitions=40 // few, progress=s),
        "cold_start": lambda s: measure_cold_start(world, repetitions=12 // few, progress=s),
        "log": lambda _: measure_log(loops=100 // few),
        "feedback": lambda _: measure_feedback(repetitions=max(3, 12 // few)),
        "replay": lambda s: measure_replay(requests=400 // few, progress=s),
        "http": lambda _: measure_http(
            requests=400 // few, handler_ms=_value(so_far, "rank 500 candidates, handler p50")
        ),
        "cost": lambda _: _price(so_far),
    }
    return sections[name](step)


def _price(rows: Sequence[Row]) -> list[Row]:
    """Price what was measured: every slim line, and a quarter of the full records."""
    slim = _value(rows, "slim line, built and encoded")
    full = _value(rows, "full record of 500 candidates, built and encoded")
    return price_a_million(
        handler_ms=_value(rows, "rank 500 candidates, handler p50"),
        after_ms=(slim + 0.25 * full) / 1_000.0,
        log_kb=0.8 + 0.25 * 18.0,
    )


def _value(rows: Sequence[Row], name: str) -> float:
    return next((row.value for row in rows if row.name == name), float("nan"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, help="these sections only")
    return parser.parse_args()


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>12}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


if __name__ == "__main__":
    sys.exit(main())
