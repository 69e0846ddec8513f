"""Emulators for the laptop stage's tests: each on a free port, in a folder of its own."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local import stage
from infra.local.emulator import start_emulator, stop_emulator
from infra.local.fingerprint import fingerprint_sources
from infra.local.layout import Layout
from infra.local.ports import find_free_port
from infra.local.stage import bring_up, take_down
from infra.local.synth import synthesize
from tests.integration.laptop.scenes import make_bucket


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an emulator as its makers ship it, with a bucket `lake`."""
    yield from _serve(tmp_path_factory.mktemp("upstream"), shims=())


@pytest.fixture(scope="session")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an emulator with all our shims, with a bucket `lake`."""
    yield from _serve(tmp_path_factory.mktemp("corrected"), shims=("all",))


@dataclass(frozen=True)
class Deployed:
    """A deployed stage: where it keeps its files, and what outputs.json says."""

    layout: Layout
    outputs: dict[str, str]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The real app, synthesized once; edits during the session do not disturb its tests."""
    synthesize(Layout(), fingerprint=fingerprint_sources())
    copy = tmp_path_factory.mktemp("assembly") / "laptop"
    shutil.copytree(Layout().assembly, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "fingerprint_sources", lambda: "this session")
        patch.setattr(stage, "synthesize", lambda layout, fingerprint: False)
        yield copy


@pytest.fixture(scope="session")
def laptop(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The real app, deployed."""
    yield from _deploy(Layout(root=tmp_path_factory.mktemp("laptop"), assembly=assembly))


@pytest.fixture(scope="session")
def guarded(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The real app, deployed with IAM enforced."""
    layout = Layout(root=tmp_path_factory.mktemp("guarded"), assembly=assembly)
    yield from _deploy(layout, auth=True)


def _deploy(layout: Layout, *, auth: bool = False) -> Iterator[Deployed]:
    try:
        bring_up(layout, port=find_free_port(), auth=auth)
        yield Deployed(layout, json.loads(layout.outputs.read_text()))
    finally:
        take_down(layout)


@pytest.fixture(scope="session")
def upstream_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an emulator as its makers ship it, with IAM enforced and a bucket `lake`."""
    yield from _serve(tmp_path_factory.mktemp("upstream_guarded"), shims=(), auth=True)


def _serve(root: Path, *, shims: tuple[str, ...], auth: bool = False) -> Iterator[str]:
    layout = Layout(root=root)
    emulator = start_emulator(layout, port=find_free_port(), auth=auth, shims=shims)
    try:
        make_bucket(emulator.endpoint, "lake")
        yield emulator.endpoint
    finally:
        stop_emulator(layout)
