"""Every HTML page that a command writes: one layout, nothing from outside, every value escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jinja2 import Environment

PageName = Literal["story", "incident", "gameday", "missed_choices"]


def fill_page(name: PageName, **values: object) -> str:
    """Return the page's HTML; whatever the values say is shown as text."""
    return _environment().get_template(f"{name}.html.jinja").render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only pages need an engine

    environment = Environment(
        loader=PackageLoader("recsysops.cli.pages", "."),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["figure"] = say_figure
    return environment


def say_figure(value: object) -> str:
    """Return a number as a reader takes it in, a missing value as a dash.

    >>> say_figure(1234.5678), say_figure(0.0712345), say_figure(None), say_figure("fr")
    ('1,235', '0.07123', '–', 'fr')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return str(value)
