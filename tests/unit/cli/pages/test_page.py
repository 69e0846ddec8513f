"""Pages share one layout; a page that would lock somebody out is found out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jinja2 import UndefinedError
from recsysops.cli.incident_page import IncidentPage, render_page
from recsysops.cli.missed_choices import render_page as render_missed
from recsysops.cli.pages.page import fill_page, say_figure
from recsysops.diagnosis.missed_choices import RankedChoice, cluster_missed_choices

from tests.fakes.broken_world import make_incident
from tests.fakes.sound_page import find_page_faults

HOSTILE = "<script>alert(1)</script>"
SOUND = fill_page("missed_choices", window="w", choices=0, missed=0, clusters=[], rows=[])


def test_an_incident_without_plots_is_a_sound_page() -> None:
    incident = replace(
        make_incident(),
        title=HOSTILE,
        timeline=({"at": "2026-11-20", "event": "acknowledged", "by": HOSTILE, "note": HOSTILE},),
        links=({"url": "https://tickets.example/7", "status": "open"},),
    )
    html = render_page(IncidentPage(incident, owner=HOSTILE, runbook=HOSTILE, similar=()))
    assert find_page_faults(html) == []
    assert html.count("&lt;script&gt;") >= 5


def test_missed_choices_are_a_sound_page_with_and_without_any() -> None:
    choice = RankedChoice("r-1", "i-1", HOSTILE, "home", 90, 100, 1.0, genres=("Drama", "War"))
    missed = [replace(choice, item_id=f"i-{place}") for place in range(6)]
    html = render_missed(cluster_missed_choices(missed), missed, window="w", choices=9)
    assert find_page_faults(html) == []
    assert "6 of 9 ranked choices" in html
    assert "Drama, War" in html
    assert find_page_faults(SOUND) == []
    assert "nothing was missed" in SOUND


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</main>", "<table></table></main>", "table stands in no named frame that scrolls"),
        ("</main>", "<svg></svg></main>", "picture without a text"),
        ("</main>", "<i id='a'></i><i id='a'></i></main>", "id a stands 2 times"),
        ("</main>", "<img src='https://a.example/x.png'></main>", "src leads outside"),
        ("</main>", "<th>x</th></main>", "heading of a table"),
        ("</main>", "<p></main>", "</main> closes what is not open"),
        ('<html lang="en">', "<html>", "no language"),
        ("prefers-color-scheme: dark", "print", "not for dark ones"),
    ],
)
def test_a_page_that_locks_somebody_out_is_found_out(old: str, new: str, said: str) -> None:
    assert any(said in fault for fault in find_page_faults(SOUND.replace(old, new)))


def test_a_page_that_lacks_a_value_is_no_page() -> None:
    with pytest.raises(UndefinedError):
        fill_page("missed_choices", window="w")


def test_figures_are_told_as_a_reader_takes_them_in() -> None:
    told = {12_345.6: "12,346", 0.000123456: "0.0001235", 7: "7", True: "True", "": "–"}
    assert {value: say_figure(value) for value in told} == told
