"""The command `ml-test-score`: how many of the 28 tests of the ML Test Score run by themselves."""

from __future__ import annotations

import typer

from recsysops.cli.output import print_json
from recsysops.cli.stage import JsonFlag


def ml_test_score(as_json: JsonFlag = False) -> None:
    """Print the ML Test Score as Markdown: what automates each test, or an honest 0."""
    from recsysops.cli.scored_tests import read_tests, render_score, section_scores

    tests = read_tests()
    scores = section_scores(tests)
    if as_json:
        rows = [{**test.model_dump(), "points": test.points} for test in tests]
        print_json({"score": min(scores.values()), "sections": scores, "tests": rows})
    else:
        typer.echo("\n".join(render_score(tests)))
