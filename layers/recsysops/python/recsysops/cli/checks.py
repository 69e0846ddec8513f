"""Commands that measure: leaderboard, previews-check, launches-check."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from recsysops.cli.output import people, print_json, print_table, progress_bar
from recsysops.cli.stage import JsonFlag
from recsysops.vocabulary import SamplingPlan

LEADERBOARD = Path("build/leaderboard.json")
SMALLEST_JUDGED = 0.8
SMALLEST_COVERED = 0.8
FEWEST_KINDS = 3


def leaderboard(
    data: Annotated[
        Path | None, typer.Option(help="GroupLens folder or zip, or MovieTweetings folder.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Compare our model with the heuristics to beat: true time, earlier rows only."""
    from recsysops.datasets.load import load_dataset
    from recsysops.workflows.build_leaderboard import build_leaderboard

    with progress_bar() as bar:
        task = bar.add_task("leaderboard", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        board = build_leaderboard(load_dataset(data), seed=seed, progress=show)
    document = board.as_document()
    LEADERBOARD.parent.mkdir(parents=True, exist_ok=True)
    LEADERBOARD.write_text(json.dumps(document, indent=1, default=str))
    if as_json:
        print_json(document)
        return
    rows = document["rows"]
    print_table(
        f"leaderboard: {document['dataset']}",
        [_with_intervals(row) for row in rows] if isinstance(rows, list | tuple) else [],
    )
    people.print(f"also in {LEADERBOARD}")


def previews_check(
    seeds: Annotated[int, typer.Option(min=1, help="Simulated worlds.")] = 50,
    first_seed: Annotated[int, typer.Option(min=0)] = 2000,
    as_json: JsonFlag = False,
) -> None:
    """Hotfix previews against simulated truth; without exploration they must refuse."""
    from recsysops.workflows.check_previews import check_previews

    started = time.monotonic()
    chosen = range(first_seed, first_seed + seeds)
    with progress_bar() as bar:
        task = bar.add_task("worlds", total=seeds + 5)
        scores = check_previews(chosen, progress=lambda _: bar.advance(task))
        blind = check_previews(
            chosen[:5],
            plan=replace(SamplingPlan(), explore_rate=0.0),
            progress=lambda _: bar.advance(task),
        )
    held = [s for s in scores if s.judged >= SMALLEST_JUDGED and s.covered >= SMALLEST_COVERED]
    uncovered = [s for s in scores if s.judged > 0 and s.covered < SMALLEST_COVERED]
    refused = all(score.judged == 0 for score in blind)
    ok = len(held) >= FEWEST_KINDS and not uncovered and refused
    if as_json:
        print_json({"ok": ok, "scores": [asdict(s) for s in scores], "blind_refused": refused})
    else:
        names = ("kind", "runs", "judged", "covered", "difference_covered", "true_difference",
                 "mean_error", "half_width")  # fmt: skip
        print_table("previews-check", [asdict(score) for score in scores], columns=names)
        people.print(
            f"without exploration all refuse: {refused} · {time.monotonic() - started:.0f} s"
        )
    if not ok:
        raise typer.Exit(1)


def launches_check(
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Draws of a world of over two years.")
    ] = None,
    first_seed: Annotated[int | None, typer.Option(min=0)] = None,
    worlds: Annotated[
        bool, typer.Option("--worlds", help="Easier and harder worlds than the base one too.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Launch forecasts against simulated truth: error, intervals, flags."""
    from recsysops.workflows.check_launches import CHECK_SEEDS, WORLD_SEEDS

    usual = WORLD_SEEDS if worlds else CHECK_SEEDS
    first = usual.start if first_seed is None else first_seed
    chosen = range(first, first + (seeds or len(usual)))
    if not (_check_worlds if worlds else _check_base_world)(chosen, as_json=as_json):
        raise typer.Exit(1)


def _check_base_world(seeds: range, *, as_json: bool) -> bool:
    from recsysops.workflows.check_launches import check_launches

    with progress_bar() as bar:
        task = bar.add_task("launch worlds", total=len(seeds))
        report = check_launches(seeds, progress=lambda _: bar.advance(task))
    if as_json:
        print_json(report.to_document())
    else:
        print_table("launches-check", [asdict(row) for row in report.rows])
    return report.is_ok


def _check_worlds(seeds: range, *, as_json: bool) -> bool:
    from recsysops.simulation.launch_worlds import LAUNCH_WORLDS
    from recsysops.workflows.check_launches import check_worlds

    with progress_bar() as bar:
        task = bar.add_task("launch worlds", total=len(seeds) * len(LAUNCH_WORLDS))
        reports = check_worlds(seeds, progress=lambda _: bar.advance(task))
    ok = all(report.is_ok for report in reports.values())
    if as_json:
        documents = {name: report.to_document() for name, report in reports.items()}
        print_json({"ok": ok, "seeds": list(seeds), "worlds": documents})
    else:
        rows = [{"world": name, **report.in_brief()} for name, report in reports.items()]
        print_table(f"launches-check, seeds {seeds.start} to {seeds.stop - 1}", rows)
    return ok


def _with_intervals(row: Mapping[str, object]) -> dict[str, object]:
    return {name: _interval(value) for name, value in row.items()}


def _interval(value: object) -> object:
    if isinstance(value, dict) and {"value", "low", "high"} <= set(value):
        return f"{value['value']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
    return value
