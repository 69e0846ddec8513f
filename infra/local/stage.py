"""Knows the four things one can do with the laptop stage: up, down, status, clean."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.deploy import deploy_assembly, read_stack_statuses
from infra.local.emulator import Emulator, find_emulator, start_emulator, stop_emulator
from infra.local.errors import StageError
from infra.local.fingerprint import fingerprint_sources
from infra.local.layout import Layout
from infra.local.outputs import name_outputs, write_outputs
from infra.local.ports import DEFAULT_PORT, require_free_port
from infra.local.synth import synthesize

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StartPlan:
    """How a new emulator is to be started."""

    port: int
    auth: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is there now; `seconds` says what the last command spent where."""

    status: str
    pid: int | None = None
    port: int | None = None
    endpoint: str | None = None
    auth: bool | None = None
    stacks: dict[str, str] = field(default_factory=dict)
    outputs: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return what --json prints."""
        return asdict(self)


def bring_up(layout: Layout, *, port: int | None = None, auth: bool = False) -> Status:
    """Synthesize if needed, start the emulator if needed, deploy, and write the outputs.

    Raises:
        StageError: the port is taken, the app does not synthesize, or a stack fails.
    """
    seconds: dict[str, float] = {}
    fingerprint = fingerprint_sources()
    plan = _plan_start(find_emulator(layout), port=port, auth=auth, fingerprint=fingerprint)
    _timed(seconds, "synth", lambda: synthesize(layout, fingerprint=fingerprint))
    emulator = _timed(seconds, "boot", lambda: _carry_out(layout, plan))
    _timed(seconds, "deploy", lambda: _deploy(layout, emulator))
    return _describe(layout, emulator, seconds=seconds)


def take_down(layout: Layout) -> Status:
    """Stop the emulator and its workers; the data stay for the next `up`."""
    seconds: dict[str, float] = {}
    _timed(seconds, "stop", lambda: stop_emulator(layout))
    layout.outputs.unlink(missing_ok=True)  # they name what is up
    return Status(status="down", seconds=seconds)


def read_status(layout: Layout) -> Status:
    """Return whether the stage is up, where, and in which state its stacks are."""
    emulator = find_emulator(layout)
    return _describe(layout, emulator, seconds={}) if emulator else Status(status="down")


def forget(layout: Layout) -> Status:
    """Stop the stage and delete all it wrote."""
    stopped = take_down(layout)
    shutil.rmtree(layout.root, ignore_errors=True)
    return stopped


def _plan_start(
    running: Emulator | None, *, port: int | None, auth: bool, fingerprint: str
) -> Emulator | StartPlan:
    """Keep the emulator that runs, unless it was started otherwise or its workers hold old code."""
    if running is None:
        require_free_port(port or DEFAULT_PORT)
        return StartPlan(port or DEFAULT_PORT, auth, fingerprint)
    if port not in {None, running.port}:
        raise StageError(
            f"the stage is already up on port {running.port};"
            f" take it down before you bring it up on port {port}"
        )
    is_current = (running.auth, running.fingerprint) == (auth, fingerprint)
    return running if is_current else StartPlan(running.port, auth, fingerprint)


def _carry_out(layout: Layout, plan: Emulator | StartPlan) -> Emulator:
    if isinstance(plan, Emulator):
        return plan
    stop_emulator(layout)  # an outdated one, or what a crash left behind
    return start_emulator(layout, port=plan.port, auth=plan.auth, fingerprint=plan.fingerprint)


def _deploy(layout: Layout, emulator: Emulator) -> None:
    with _trouble_in_one_line():
        outputs = deploy_assembly(layout.assembly, endpoint=emulator.endpoint)
    write_outputs(layout.outputs, name_outputs(outputs, endpoint=emulator.endpoint))


@contextmanager
def _trouble_in_one_line() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StageError(f"the emulator runs but does not do its work: {error}") from error


def _describe(layout: Layout, emulator: Emulator, *, seconds: dict[str, float]) -> Status:
    with _trouble_in_one_line():
        stacks = read_stack_statuses(emulator.endpoint)
    return Status(
        status="up",
        pid=emulator.pid,
        port=emulator.port,
        endpoint=emulator.endpoint,
        auth=emulator.auth,
        stacks=stacks,
        outputs=str(layout.outputs) if layout.outputs.exists() else None,
        seconds=seconds,
    )


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Result]) -> Result:
    started = time.monotonic()
    result = work()
    seconds[name] = round(time.monotonic() - started, 2)
    return result
