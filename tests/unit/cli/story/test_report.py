"""The report: JSON with every step, one page that needs nothing from outside, nothing unescaped."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from recsysops.cli.pages.plots import Plot
from recsysops.cli.story.report import Report, Step, StepName, render_html, write_report

HOSTILE = "<script>alert('x')</script>\"><img src=http://evil.example/a.png onerror=alert(1)>"


def make_report(**changes: object) -> Report:
    plain: dict[str, object] = {
        "fault": "language_misconfigured",
        "seed": 7,
        "started_at": "2026-11-20T00:00:00+00:00",
        "labels": {"choices": "real", "times": "re-timed"},
    }
    return Report(**{**plain, **changes})  # type: ignore[arg-type]


def make_step(name: StepName = "load", **changes: object) -> Step:
    plain: dict[str, object] = {
        "ok": True, "seconds": 1.5, "summary": "9 items", "evidence": {"table": "items"},
    }  # fmt: skip
    return Step(name, **{**plain, **changes})  # type: ignore[arg-type]


class Page(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def outside_references(html: str) -> list[str]:
    page = Page(html)
    loads = [v for n, v in page.attributes if n in ("src", "href", "xlink:href", "srcset", "data")]
    styles = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]+)", html)
    return [target for target in [*loads, *styles] if not target.startswith("#")]


def test_a_page_needs_nothing_from_outside() -> None:
    report = make_report(
        steps=[make_step()],
        seconds_to={"detected": 12.0},
        plots=[Plot("t", '<svg><use xlink:href="#a"/></svg>', "c", "SELECT 1")],
    )
    html = render_html(report)
    assert outside_references(html) == []
    assert {"script", "link", "iframe"}.isdisjoint(Page(html).tags)
    assert outside_references('<img src="https://a.example/x.png">') != [], "the check can fail"


def test_hostile_text_is_shown_as_text_wherever_it_stands() -> None:
    step = make_step(summary=HOSTILE, evidence={HOSTILE: HOSTILE, "deep": {"a": [HOSTILE]}})
    report = make_report(
        fault=HOSTILE,
        started_at=HOSTILE,
        labels={HOSTILE: HOSTILE},
        steps=[step],
        plots=[Plot(HOSTILE, "<svg></svg>", HOSTILE, HOSTILE)],
    )
    page = Page(render_html(report))
    assert {"script", "img"}.isdisjoint(page.tags)
    assert page.text.count("alert('x')") >= 10
    assert outside_references(render_html(report)) == []


def test_the_page_shows_every_step_with_its_result_and_evidence() -> None:
    failed = make_step("train", ok=False, summary="no model", evidence={"sql": "SELECT 1"})
    text = Page(render_html(make_report(steps=[make_step(), failed]))).text
    for part in ("load", "train", "FAILED", "no model", "SELECT 1", "stopped at the first step"):
        assert part in text


def test_the_json_has_the_steps_as_agreed(tmp_path: Path) -> None:
    report = make_report(steps=[make_step(name) for name in get_args(StepName)])
    report.seconds_to["detected"] = 3.0
    json_path, html_path = write_report(report, tmp_path / "build" / "demo")
    document = json.loads(json_path.read_text())
    assert (document["ok"], document["fault"], document["seed"]) == (True, report.fault, 7)
    assert [step["name"] for step in document["steps"]] == [
        "set_up", "load", "train", "healthy", "detect", "diagnose", "replay", "preview", "deploy",
        "recover", "launches",
    ]  # fmt: skip
    assert all(
        set(step) == {"name", "ok", "seconds", "summary", "evidence"} for step in document["steps"]
    )
    assert document["seconds_to"] == {"detected": 3.0}
    assert html_path.read_text() == render_html(report)
    assert sorted(path.name for path in json_path.parent.iterdir()) == [
        "report.html", "report.json",
    ]  # fmt: skip


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_failed_step_makes_the_whole_report_not_ok(tmp_path: Path, place: int) -> None:
    steps = [make_step(ok=number != place) for number in range(3)]
    report = make_report(steps=steps)
    assert not report.ok
    json_path, html_path = write_report(report, tmp_path)
    assert json.loads(json_path.read_text())["ok"] is False
    assert "every step as it should be" not in html_path.read_text()


def test_evidence_that_json_does_not_know_is_written_as_text(tmp_path: Path) -> None:
    step = make_step(evidence={"path": Path("a/b")})
    json_path, _ = write_report(make_report(steps=[step]), tmp_path)
    assert json.loads(json_path.read_text())["steps"][0]["evidence"] == {"path": "a/b"}
