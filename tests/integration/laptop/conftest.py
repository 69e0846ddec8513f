"""Emulators for the laptop stage's tests: each on a free port, in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.emulator import start_emulator, stop_emulator
from infra.local.layout import Layout
from infra.local.ports import find_free_port
from tests.integration.laptop.scenes import make_bucket


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an emulator as its makers ship it, with a bucket `lake`."""
    yield from _serve(tmp_path_factory.mktemp("upstream"), shims=())


@pytest.fixture(scope="session")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an emulator with all our shims, with a bucket `lake`."""
    yield from _serve(tmp_path_factory.mktemp("corrected"), shims=("all",))


def _serve(root: Path, *, shims: tuple[str, ...]) -> Iterator[str]:
    layout = Layout(root=root)
    emulator = start_emulator(layout, port=find_free_port(), shims=shims)
    try:
        make_bucket(emulator.endpoint, "lake")
        yield emulator.endpoint
    finally:
        stop_emulator(layout)
