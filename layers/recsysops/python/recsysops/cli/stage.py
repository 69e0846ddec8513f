"""Commands about the laptop stage itself: up, down, status, clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from recsysops.cli.output import people, print_json
from recsysops.errors import BadInput, DependencyError

OUTPUTS = Path("build/local/outputs.json")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def run_stage(*arguments: str) -> dict[str, object]:
    """Run `python -m infra.local …` in this checkout and return what it printed.

    Raises: BadInput outside a checkout; DependencyError with the stage's own one-line reason.
    """
    if not Path("infra/local").is_dir():
        raise BadInput("no infra/local here; run this in the root of a recsysops checkout")
    done = subprocess.run(  # noqa: S603 - our own module, arguments from typer
        [sys.executable, "-m", "infra.local", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise DependencyError(lines[-1] if lines else f"infra.local {arguments[0]} failed")
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on (127.0.0.1 only).")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Start the laptop stage and deploy the app into it; again = update."""
    answer = run_stage("up", *([] if port is None else ["--port", str(port)]))
    print_json(answer) if as_json else people.print(f"up: {answer.get('endpoint')}  → {OUTPUTS}")


def down(as_json: JsonFlag = False) -> None:
    """Stop the laptop stage; its data stay."""
    answer = run_stage("down")
    print_json(answer) if as_json else people.print("down; data are kept ('clean' forgets them)")


def status(as_json: JsonFlag = False) -> None:
    """Say whether the stage is up, where, and what is deployed."""
    answer = run_stage("status")
    if as_json:
        print_json(answer)
    else:
        for key, value in answer.items():
            if value not in (None, {}):
                people.print(f"{key}: {_say(value)}")


def _say(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {told}" for name, told in value.items())
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def clean(as_json: JsonFlag = False) -> None:
    """Stop the laptop stage and forget everything it stored."""
    answer = run_stage("clean")
    print_json(answer) if as_json else people.print("clean: nothing of the stage is left")
