"""The ML Test Score names only what exists, and its score is the minimum of four sections."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from recsysops.cli.scored_tests import SECTIONS, ScoredTest, read_tests, section_scores
from recsysops.detection.catalogue import find_known

from tests.unit.cli.conftest import RunCli

TESTS = Path(__file__).resolve().parents[2]


def test_there_are_seven_tests_in_each_section() -> None:
    assert [sum(test.section == name for test in read_tests()) for name in SECTIONS] == [7] * 4


@pytest.mark.parametrize("scored", read_tests(), ids=lambda scored: scored.asks)
def test_whatever_is_named_exists(scored: ScoredTest) -> None:
    for reference in scored.by:
        kind, _, name = reference.partition(":")
        if kind == "audit":
            assert find_known(name), reference
        else:
            path, _, function = name.partition("::")
            source = (TESTS / path).read_text()
            assert re.search(rf"^def {re.escape(function)}\(", source, re.MULTILINE), reference


def test_half_a_point_is_for_what_is_done_by_hand_and_nothing_for_silence() -> None:
    asks = {"section": "data", "asks": "x"}
    assert ScoredTest(**asks, by=("audit:volume",)).points == 1.0
    assert ScoredTest(**asks, by=(), doc="README.md").points == 0.5
    assert ScoredTest(**asks, by=(), missing="nobody did").points == 0.0
    with pytest.raises(ValidationError, match="no word why"):
        ScoredTest(**asks, by=())


def test_the_score_is_the_lowest_section(run_cli: RunCli) -> None:
    said = json.loads(run_cli("ml-test-score", "--json").out)
    assert (
        said["score"]
        == min(section_scores(read_tests()).values())
        == min(said["sections"].values())
    )
    page = run_cli("ml-test-score").out
    assert f"**{said['score']:g} of 7**" in page
    assert page.count("\n| ") == 28 + 4
