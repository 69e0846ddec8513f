"""Every page with its real pictures is sound: by ear, by keyboard, narrow, dark, on its own."""

from __future__ import annotations

from pathlib import Path

from recsysops.cli.gameday.grading import WorldRow
from recsysops.cli.gameday.report import write_page
from recsysops.cli.pages.plots import draw_bars, draw_grouped_bars, draw_intervals
from recsysops.cli.story.report import Report, Step, render_html

from tests.fakes.sound_page import find_page_faults

HOSTILE = "$x$ <script>alert(1)</script> & \"quotes\" 'too' $\\frac$"


def test_a_story_with_every_kind_of_picture_is_sound_whatever_names_say() -> None:
    plots = [
        draw_bars(HOSTILE, {HOSTILE: 1.0, "b": 2.0}, caption=HOSTILE, query=HOSTILE, unit=HOSTILE),
        draw_grouped_bars(
            "by day", {HOSTILE: {HOSTILE: 1.0}, "two": {"b": 2.0}}, caption="c", unit="items"
        ),
        draw_intervals("launches", [(HOSTILE, 0.1, 0.2, 0.3)], caption="c", unit="share"),
    ]
    step = Step("load", ok=True, seconds=1.0, summary=HOSTILE, evidence={HOSTILE: HOSTILE})
    report = Report("f", 7, "today", {"a": HOSTILE}, [step], {"detected": 1.0}, plots)
    assert find_page_faults(render_html(report)) == []


def test_a_game_day_page_is_sound_and_names_what_was_wrong(tmp_path: Path) -> None:
    def row(fault: str, size: str | None, *, found: bool, false: int = 0) -> WorldRow:
        windows = 1 if found else None
        return WorldRow(fault, size, 1000, "simulated", found, windows, false, {}, (HOSTILE,))  # type: ignore[arg-type]

    rows = [
        row("zero_fill", "small", found=False),
        row("zero_fill", "middle", found=False),
        row("zero_fill", "large", found=True),
        row("none", None, found=False, false=2),
    ]
    page = write_page(rows, tmp_path / "day" / "report.html", first_seed=1000, seconds=3.0)
    html = page.read_text()
    assert find_page_faults(html) == []
    wrong = html[html.index("Missed, or said without a cause") :]
    assert wrong.count("simulated") == 2
    assert ">middle<" in wrong
    assert ">small<" not in wrong


def test_a_game_day_without_faults_says_so(tmp_path: Path) -> None:
    quiet = [WorldRow("none", None, 1, "movielens", False, None, 0, {})]
    html = write_page(quiet, tmp_path / "r.html", first_seed=1, seconds=1.0).read_text()
    assert find_page_faults(html) == []
    assert "no fault was injected" in html
