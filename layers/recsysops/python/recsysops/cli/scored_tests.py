"""The ML Test Score: 28 tests, what automates each here, and the minimum over four sections.

Source: Breck, Cai, Nielsen, Salib, Sculley, The ML Test Score (IEEE Big Data, 2017).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Section = Literal["data", "model", "infrastructure", "monitoring"]
SECTIONS: Final[tuple[Section, ...]] = get_args(Section)
TESTS_A_SECTION: Final = 7
_DECLARED: Final = Path(__file__).with_name("ml_test_score.toml")


class ScoredTest(BaseModel):
    """One of the 28. by: 'test:PATH::NAME' or 'audit:NAME'; doc: where it is done by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    section: Section
    asks: str
    by: tuple[Annotated[str, Field(pattern=r"^(test|audit):\S+$")], ...]
    doc: str = ""
    note: str = ""
    missing: str = ""

    @model_validator(mode="after")
    def _says_why_it_is_not_whole(self) -> ScoredTest:
        if not (self.by or self.doc or self.missing):
            raise ValueError(f"{self.asks}: neither automated nor done by hand, and no word why")
        return self

    @property
    def points(self) -> float:
        """1 when it runs by itself, 0.5 when it is done by hand and written down."""
        return 1.0 if self.by else 0.5 if self.doc else 0.0


def read_tests() -> tuple[ScoredTest, ...]:
    """Return the 28 tests in the order of the paper."""
    return tuple(map(ScoredTest.model_validate, tomllib.loads(_DECLARED.read_text())["tests"]))


def section_scores(tests: Sequence[ScoredTest]) -> dict[Section, float]:
    """Return the points of each section."""
    return {name: sum(t.points for t in tests if t.section == name) for name in SECTIONS}


def render_score(tests: Sequence[ScoredTest]) -> Iterator[str]:
    """Yield the lines of the page."""
    scores = section_scores(tests)
    yield "# ML Test Score"
    yield ""
    yield (
        f"**{min(scores.values()):g} of {TESTS_A_SECTION}**: the lowest of four sections. "
        "Printed by `recsysops ml-test-score`; a test checks that everything named exists."
    )
    for section, score in scores.items():
        yield from ("", f"## {section.capitalize()}: {score:g}", "")
        yield from ("| test | points | by |", "|---|---|---|")
        yield from (_line(test) for test in tests if test.section == section)


def _line(test: ScoredTest) -> str:
    named = [f"`{reference.partition(':')[2]}`" for reference in test.by]
    told = [*named, *filter(None, (test.doc, test.note, test.missing))]
    return f"| {test.asks} | {test.points:g} | {'; '.join(told)} |"
