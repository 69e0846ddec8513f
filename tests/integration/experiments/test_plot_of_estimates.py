"""The picture of an evaluation: every estimator with its interval, as SVG."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recsysops.cli.evaluation_report import draw_report, show_report
from recsysops.experiments.intervals import Interval
from recsysops.experiments.off_policy.evaluation import evaluate_policy
from recsysops.workflows.evaluate_policy import PolicyReport

from tests.fakes.bandit_world import log_decisions, make_bandit_world

WORLD = make_bandit_world(3)
FOUND = evaluate_policy(
    log_decisions(WORLD, count=800, seed=3), WORLD.target, rng=np.random.default_rng(0), rounds=20
)
REPORT = PolicyReport(
    log="lake", policy="greedy", unit="plays per 1,000 requests", scale=1_000.0, decisions=800,
    evaluation=FOUND, refusal=None, on_policy=Interval(0.1, 0.05, 0.2), notes=(),
)  # fmt: skip


def test_estimates_are_drawn_with_their_names_and_folders_made(tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "greedy.svg"
    assert draw_report(REPORT, path)
    text = path.read_text()
    assert text.startswith("<svg")
    for name in ("IPS", "doubly robust", "in its own log", "plays per 1,000 requests"):
        assert name in text
    draw_report(REPORT, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text, "the same numbers, the same picture"


def test_nothing_is_drawn_of_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "none.svg"
    assert not draw_report(replace(REPORT, evaluation=None, refusal="why"), path)
    assert not path.exists()


def test_gains_that_are_not_told_are_said_to_be_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    untold = replace(FOUND, estimates=tuple(replace(one, gain=None) for one in FOUND.estimates))
    show_report(replace(REPORT, evaluation=untold))
    assert "gains are not told: too few rewards" in capsys.readouterr().out
    show_report(REPORT)
    assert "gains are not told" not in capsys.readouterr().out
