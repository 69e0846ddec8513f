"""The demo's pictures, as SVG text that needs nothing from outside the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

from recsysops.cli.story.report import Plot

COLOURS = ("#2b6cb0", "#1b7f4d", "#b3261e", "#8a5a00", "#6b46c1")


def draw_bars(
    title: str, values: Mapping[str, float], *, caption: str, query: str = "", unit: str = ""
) -> Plot:
    """Draw one bar per name, in order."""

    def paint(axes: _Axes) -> None:
        names = list(values)
        axes.bar(names, list(values.values()), color=list(COLOURS[: len(names)] or COLOURS))
        axes.set_ylabel(unit)
        for column, value in enumerate(values.values()):
            axes.annotate(f"{value:.3g}", (column, value), ha="center", va="bottom")

    return Plot(title, _svg(paint), caption, query)


def draw_grouped_bars(
    title: str,
    groups: Mapping[str, Mapping[str, float]],
    *,
    caption: str,
    query: str = "",
    unit: str = "",
) -> Plot:
    """Draw groups[series][name] as bars side by side."""
    names = sorted({name for series in groups.values() for name in series})

    def paint(axes: _Axes) -> None:
        width = 0.8 / max(1, len(groups))
        for index, (series, values) in enumerate(groups.items()):
            at = [position + index * width for position in range(len(names))]
            heights = [values.get(name, 0.0) for name in names]
            axes.bar(at, heights, width, label=series, color=COLOURS[index % len(COLOURS)])
        axes.set_xticks([p + 0.4 - width / 2 for p in range(len(names))], names, rotation=30)
        axes.set_ylabel(unit)
        axes.legend()

    return Plot(title, _svg(paint), caption, query)


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
        axes.set_yticks(range(len(rows)), [name for name, *_ in reversed(rows)])
        axes.set_xlabel(unit)

    return Plot(title, _svg(paint), caption, query)


class _Axes:
    """What the painters use of matplotlib's axes (matplotlib ships no types)."""

    bar: Callable[..., object]
    plot: Callable[..., object]
    annotate: Callable[..., object]
    legend: Callable[..., object]
    set_ylabel: Callable[..., object]
    set_xlabel: Callable[..., object]
    set_xticks: Callable[..., object]
    set_yticks: Callable[..., object]


def _svg(paint: Callable[[_Axes], None]) -> str:
    import matplotlib as mpl  # slow to import: only the demo draws

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "recsysops"  # the same numbers give the same picture
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    paint(axes)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
