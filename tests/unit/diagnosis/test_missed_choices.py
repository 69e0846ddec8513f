"""Missed choices fall into the clusters that explain most of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recsysops.cli.missed_choices import render_page, write_csv
from recsysops.diagnosis.missed_choices import RankedChoice, cluster_missed_choices

GOOD = RankedChoice(
    "r-1", "i-1", "A title", "home", rank=3, eligible_count=100, weight=1.0,
    genres=("Drama",), language="en", source="s-1", age_years=5, popularity=0.95,
)  # fmt: skip


def choices(count: int, **changes: object) -> list[RankedChoice]:
    return [replace(GOOD, request_id=f"r-{n}", **changes) for n in range(count)]  # type: ignore[arg-type]


def test_a_choice_below_the_best_fifth_or_no_candidate_is_missed() -> None:
    assert not replace(GOOD, rank=20).is_missed
    assert replace(GOOD, rank=21).is_missed
    assert replace(GOOD, rank=None).is_missed


def test_a_language_that_is_always_missed_is_the_first_cluster() -> None:
    found = cluster_missed_choices(
        [*choices(90), *choices(10, rank=60), *choices(40, rank=80, language="ja")]
    )
    assert found[0].traits == ("language=ja",)
    assert (found[0].missed, found[0].chosen, found[0].miss_rate) == (40.0, 40.0, 1.0)
    assert found[0].lift == pytest.approx(140 / 50)
    assert sum(cluster.missed for cluster in found) == 50.0


def test_what_two_traits_have_together_is_found() -> None:
    rng = np.random.default_rng(5)
    made = [
        replace(
            GOOD,
            request_id=f"r-{n}",
            language=(language := str(rng.choice(["en", "ja"]))),
            source=(source := str(rng.choice(["s-1", "s-2"]))),
            rank=90 if (language, source) == ("ja", "s-2") else 3,
        )
        for n in range(400)
    ]
    assert cluster_missed_choices(made)[0].traits == ("language=ja", "source=s-2")


def test_weights_count_and_nothing_missed_has_no_cluster() -> None:
    heavy = cluster_missed_choices([*choices(9), *choices(1, rank=None, weight=20.0)])
    assert sum(cluster.missed for cluster in heavy) == 20.0
    assert cluster_missed_choices(choices(5)) == []
    assert cluster_missed_choices([]) == []


def test_titles_cannot_act_on_a_page_or_in_a_spreadsheet(tmp_path: Path) -> None:
    hostile = [replace(GOOD, rank=90, title="=1+1<script>")]
    page = render_page(cluster_missed_choices(hostile), hostile, window="today", choices=1)
    assert "<script>" not in page
    assert "=1+1&lt;script&gt;" in page
    write_csv(hostile, tmp_path / "missed.csv")
    assert "'=1+1" in (tmp_path / "missed.csv").read_text()
