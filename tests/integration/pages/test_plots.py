"""The pictures: SVG that stands alone, the same numbers always giving the same text."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from recsysops.cli.pages.plots import Plot, draw_bars, draw_grouped_bars, draw_intervals

HOSTILE = "</svg><script>alert(1)</script>"


def bars(name: str = "a") -> Plot:
    return draw_bars("shares", {name: 0.5, "b": 0.25}, caption="c", query="SELECT 1", unit="share")


def grouped(name: str = "a") -> Plot:
    groups = {"one": {name: 1.0}, "two": {name: 2.0, "b": 3.0}}
    return draw_grouped_bars("groups", groups, caption="c", unit="items")


def intervals(name: str = "a") -> Plot:
    rows = [(name, 0.1, 0.2, 0.4), ("b", 0.0, 0.1, 0.2)]
    return draw_intervals("launches", rows, caption="c", unit="share")


DRAW = [bars, grouped, intervals]


@pytest.mark.parametrize("draw", DRAW)
def test_the_same_numbers_give_the_same_svg_and_others_another(draw) -> None:
    assert draw().svg == draw().svg
    assert draw("other name").svg != draw().svg


@pytest.mark.parametrize("draw", DRAW)
def test_a_picture_is_well_formed_and_loads_nothing(draw) -> None:
    root = ET.fromstring(draw().svg)  # noqa: S314 - our own picture
    assert root.tag.endswith("svg")
    targets = [v for node in root.iter() for n, v in node.attrib.items() if n.endswith("href")]
    assert targets
    assert all(target.startswith("#") for target in targets)


@pytest.mark.parametrize("draw", DRAW)
def test_a_name_cannot_break_out_of_the_picture(draw) -> None:
    svg = draw(HOSTILE).svg
    assert "<script" not in svg
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own picture


def test_nothing_to_draw_is_an_empty_picture_rather_than_an_error() -> None:
    for plot in (
        draw_bars("t", {}, caption="c"),
        draw_grouped_bars("t", {"one": {}}, caption="c"),
        draw_intervals("t", [], caption="c"),
    ):
        assert plot.svg.startswith("<svg")
