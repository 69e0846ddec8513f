"""The command line over memory ports: a world with a wrong language, and an incident of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from recsysops.adapters.memory import MemoryIncidents
from recsysops.adapters.memory_deployer import MemoryConfigDeployer
from recsysops.adapters.memory_trail import MemoryTrail
from recsysops.bootstrap import Ports
from recsysops.cli import (
    app,
    baseline,
    evaluate,
    hotfix,
    incidents,
    item_page,
    models,
    operate,
    replay,
)
from recsysops.settings import Settings

from tests.fakes.broken_world import BROKEN, BrokenWorld, make_broken_world, make_incident


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


RunCli = Callable[..., Said]


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Run `recsysops …` in this process as the installed command does."""

    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Said:
        monkeypatch.setattr("sys.argv", ["recsysops", *arguments])
        status = 0
        try:
            app.main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        # some CI machines ask for colours whatever the terminal
        return Said(status, *(re.sub(r"\x1b\[[0-9;]*m", "", text) for text in said))

    return run


@pytest.fixture(scope="package")
def broken_world() -> Iterator[BrokenWorld]:
    """A reference day, then a day without the language of Japanese items; nobody writes to it."""
    world = make_broken_world()
    world.change_items(lambda item: replace(item, language=None) if item.language == "ja" else item)
    world.serve_day(BROKEN)
    yield world
    world.lake.close()


@pytest.fixture
def ports(broken_world: BrokenWorld, monkeypatch: pytest.MonkeyPatch) -> Ports:
    """Ports that every command opens: the broken world, nothing deployed, one open incident."""
    made = Ports(Settings())
    parts = {
        "items": broken_world.items,
        "members": broken_world.members,
        "registry": broken_world.registry,
        "blobs": broken_world.blobs,
        "queries": broken_world.lake,
        "catalogues": broken_world.cache,
        "incidents": MemoryIncidents([make_incident()]),
        "hotfix_deployer": MemoryConfigDeployer(),
        "model_deployer": MemoryConfigDeployer(),
        "trail": MemoryTrail(),
    }
    for name, part in parts.items():
        setattr(made, name, part)
    for module in (baseline, operate, incidents, hotfix, models, replay, evaluate, item_page):
        monkeypatch.setattr(module, "open_ports", lambda: made)
    return made
