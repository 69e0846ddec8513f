"""What a step answers, and how it reads what other commands and incidents say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from recsysops.errors import DependencyError
from recsysops.vocabulary import Incident

Document = Mapping[str, object]
AskCli = Callable[..., Document]
"""Runs one of our commands in a process of its own and returns its JSON."""


class Outcome(NamedTuple):
    """Whether a step is as it should be, in one line, and what in deployed state shows it."""

    ok: bool
    summary: str
    evidence: Document


def ask_cli(*arguments: str) -> Document:
    """Run one of our commands in a fresh process and return its JSON.

    Raises: DependencyError with the command's own line.
    """
    command = [sys.executable, "-m", "recsysops.cli.app", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    try:
        answer: Document = json.loads(done.stdout)
    except json.JSONDecodeError:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise DependencyError(lines[-1] if lines else f"{arguments[0]} said nothing") from None
    # 1 is a command's honest "no" (a replay that differs); the step reads it from the answer
    if done.returncode not in (0, 1):
        raise DependencyError(f"{arguments[0]} ended with status {done.returncode}")
    return answer


def part_of(document: Document, name: str) -> Document:
    """Return a nested document. Raises: DependencyError when there is none of that name."""
    part = document.get(name)
    if not isinstance(part, Mapping):
        raise DependencyError(f"no {name!r} in what was answered: {sorted(document)}")
    return part


def name_briefly(incidents: Iterable[Incident]) -> list[dict[str, str]]:
    """Return id, severity and title of each incident."""
    return [
        {"id": one.incident_id, "severity": one.severity, "title": one.title} for one in incidents
    ]


def items_named(diagnosis: Document) -> tuple[str, ...]:
    """Return the items that a diagnosis names."""
    named = diagnosis.get("item_ids")
    return tuple(map(str, named)) if isinstance(named, list | tuple) else ()
