"""Both stages, synthesized once per session (importing aws_cdk alone takes seconds)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Template = dict[str, Any]
Resource = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
VERSION_HASH = re.compile(r"(\w+CurrentVersion[0-9A-F]{8})[0-9a-f]{32}")
"""A published version is named after everything its function is: a new name with every change."""
SKIP_BUNDLING = {"aws:cdk:bundling-stacks": []}


@dataclass(frozen=True)
class Assembly:
    """A synthesized stage: its template, and where its assets lie."""

    folder: Path
    template: Template

    def resources(self, kind: str) -> dict[str, Resource]:
        """Return the resources of one type by logical id."""
        found = self.template["Resources"].items()
        return {name: part for name, part in found if part["Type"] == kind}

    def one(self, kind: str, containing: str = "") -> Resource:
        """Return the only resource of a type whose logical id contains a word."""
        found = [part for name, part in self.resources(kind).items() if containing in name]
        assert len(found) == 1, f"{len(found)} resources of {kind} are named like {containing!r}"
        return found[0]


def synthesize(stage: str, folder: Path) -> Assembly:
    """Synthesize a stage with cdk-nag on; unacknowledged findings raise."""
    from infra.app import STACK, build_app  # late: other tests need no Node
    from infra.settings import STAGES

    build_app(STAGES[stage], out=folder, context=SKIP_BUNDLING).synth()
    text = (folder / f"{STACK}.template.json").read_text()
    return Assembly(folder, json.loads(VERSION_HASH.sub(r"\1", text)))


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Assembly]:
    """Synthesize anew when somebody edits an asset between the first stage and the second."""
    while True:
        edited_at = newest_edit()
        assemblies = {
            stage: synthesize(stage, tmp_path_factory.mktemp(stage)) for stage in ("aws", "laptop")
        }
        if newest_edit() == edited_at:
            return assemblies


def newest_edit() -> float:
    """Return when anything that becomes an asset was last written."""
    files = (path for room in ("functions", "layers") for path in (ROOT / room).rglob("*.py"))
    return max(path.stat().st_mtime for path in files)


@pytest.fixture(scope="session")
def aws(stages: Mapping[str, Assembly]) -> Assembly:
    return stages["aws"]


@pytest.fixture(scope="session")
def laptop(stages: Mapping[str, Assembly]) -> Assembly:
    return stages["laptop"]
