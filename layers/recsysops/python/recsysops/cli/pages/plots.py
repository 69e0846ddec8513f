"""Pictures of pages, as SVG text that needs nothing from outside and is told by ear as well.

Lines and letters take the page's colour, so that light and dark both read; series differ by
hatch and not by colour alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import TypedDict

COLOURS = ("#3b82c4", "#d97706", "#0f9d76", "#9b6fd0", "#d1493f")
HATCHES = ("", "///", "...", "xxx", "\\\\\\")
_INK = "#010203"
"""Drawn with this colour, then replaced by the colour of the page's own text."""
_LONGEST_NAME = 28
_MOST_UPRIGHT = 8
"""More names than this, or longer ones, stand slanted below their bars."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: an inline SVG, what it shows, and the query its numbers came from."""

    title: str
    svg: str
    caption: str
    query: str = ""


def draw_bars(
    title: str, values: Mapping[str, float], *, caption: str, query: str = "", unit: str = ""
) -> Plot:
    """Draw one bar per name, in order."""

    def paint(axes: _Axes) -> None:
        axes.bar(range(len(values)), list(values.values()), color=COLOURS[0])
        _name_bars(axes, list(values))
        axes.set_ylabel(unit)
        for column, value in enumerate(values.values()):
            axes.annotate(f"{value:.3g}", (column, value), ha="center", va="bottom")

    told = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
    return Plot(title, _svg(paint, title=title, told=f"{unit}: {told}"), caption, query)


def draw_grouped_bars(
    title: str,
    groups: Mapping[str, Mapping[str, float]],
    *,
    caption: str,
    query: str = "",
    unit: str = "",
) -> Plot:
    """Draw groups[series][name] as bars side by side, names in the order in which they come."""
    names = list(dict.fromkeys(name for series in groups.values() for name in series))

    def paint(axes: _Axes) -> None:
        width = 0.8 / max(1, len(groups))
        for index, values in enumerate(groups.values()):
            at = [place + (index + 0.5) * width - 0.4 for place in range(len(names))]
            axes.bar(at, [values.get(name, 0.0) for name in names], width, **_series(index))
        _name_bars(axes, names)
        axes.set_ylabel(unit)

    told = f"{unit} of {_first(names)}, by {_first(list(groups))}"
    svg = _svg(paint, title=title, told=told, series=list(groups))
    return Plot(title, svg, caption, query)


def draw_intervals(
    title: str,
    rows: Sequence[tuple[str, float, float, float]],
    *,
    caption: str,
    query: str = "",
    unit: str = "",
) -> Plot:
    """Draw (name, low, middle, high) as points with horizontal intervals, first on top."""

    def paint(axes: _Axes) -> None:
        for height, (_, low, middle, high) in enumerate(reversed(rows)):
            axes.plot([low, high], [height, height], color=COLOURS[0], linewidth=2)
            axes.plot([middle], [height], "o", color=COLOURS[0])
        axes.set_yticks(range(len(rows)), [_shorten(name) for name, *_ in reversed(rows)])
        axes.set_xlabel(unit)

    told = ", ".join(
        f"{name} {middle:.3g} ({low:.3g} to {high:.3g})" for name, low, middle, high in rows
    )
    height = max(3.6, 0.9 + 0.24 * len(rows))
    return Plot(
        title, _svg(paint, title=title, told=f"{unit}: {told}", height=height), caption, query
    )


def stand_alone(plot: Plot) -> str:
    """Return the picture as a file of its own: black on white, whatever shows it."""
    return plot.svg.replace("<svg ", '<svg style="color:#000;background:#fff" ', 1)


class _Axes:
    """What the painters use of matplotlib's axes (matplotlib ships no types)."""

    bar: Callable[..., object]
    plot: Callable[..., object]
    annotate: Callable[..., object]
    set_ylabel: Callable[..., object]
    set_xlabel: Callable[..., object]
    set_xticks: Callable[..., object]
    set_yticks: Callable[..., object]


def _name_bars(axes: _Axes, names: Sequence[str]) -> None:
    shown = [_shorten(name) for name in names]
    slanted = len(shown) > _MOST_UPRIGHT or sum(map(len, shown)) > 70
    turn = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(len(shown)), shown, **turn)


class _Look(TypedDict):
    facecolor: str
    edgecolor: str
    hatch: str
    linewidth: float


def _series(index: int) -> _Look:
    place = index % len(COLOURS)
    return _Look(facecolor=COLOURS[place], edgecolor=_INK, hatch=HATCHES[place], linewidth=0.4)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _first(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


_STYLE = {
    "svg.hashsalt": "recsysops",  # the same numbers give the same picture
    "svg.fonttype": "none",  # letters stay letters: smaller, sharper, found by a search
    "text.parse_math": False,  # a name with two dollar signs is a name, no formula
    "hatch.linewidth": 0.5,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
}


def _svg(
    paint: Callable[[_Axes], None],
    *,
    title: str,
    told: str,
    series: Sequence[str] = (),
    height: float = 3.6,
) -> str:
    import matplotlib as mpl  # slow to import: only pictures need it

    mpl.use("svg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
        paint(axes)
        if series:
            keys = [Patch(label=_shorten(n), **_series(i)) for i, n in enumerate(series)]
            figure.legend(
                handles=keys, loc="outside upper right", ncols=min(5, len(keys)), frameon=False
            )
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
        plt.close(figure)
    text = buffer.getvalue()
    return _fit_for_page(text[text.index("<svg") :], title=title, told=told)


def _fit_for_page(svg: str, *, title: str, told: str) -> str:
    """Take the page's colour, say aloud what is drawn, and keep ids apart from other pictures'."""
    prefix = f"p{sha256(svg.encode()).hexdigest()[:8]}"
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg.replace(_INK, "currentColor"))
    label = escape(f"{title}. {told}", quote=True)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
