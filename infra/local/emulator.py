"""Knows how to start, recognize and stop the one emulator process of a laptop stage."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import psutil

from infra.local.errors import StageError
from infra.local.layout import REPOSITORY, Layout
from infra.local.ports import HOST, require_free_port

_SERVER = "infra.local.server"
_BOOT_SECONDS = 30.0
# Saving the state takes a second for a full demo; a pending custom resource never ends.
_STOP_SECONDS = 15.0
_KILL_SECONDS = 5.0
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Emulator:
    """One running emulator; pid and start time together name one process for ever."""

    pid: int
    started_at: float
    port: int
    auth: bool
    fingerprint: str

    @property
    def endpoint(self) -> str:
        """The address of every service."""
        return f"http://{HOST}:{self.port}"


def find_emulator(layout: Layout) -> Emulator | None:
    """Return the emulator of this stage if it runs."""
    try:
        emulator = Emulator(**json.loads(layout.record.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return emulator if _process_of(emulator) else None


def start_emulator(
    layout: Layout,
    *,
    port: int,
    auth: bool = False,
    fingerprint: str = "",
    shims: Sequence[str] = ("all",),
) -> Emulator:
    """Start the emulator in a process of its own and return once it answers.

    Raises:
        StageError: the port is taken, or the process ended or did not answer in time.
    """
    require_free_port(port)
    _make_folders(layout)
    environment = _scrubbed_environment(layout, port=port, auth=auth)
    pid = _spawn(layout, environment=environment, shims=shims)
    emulator = Emulator(
        pid=pid,
        started_at=psutil.Process(pid).create_time(),
        port=port,
        auth=auth,
        fingerprint=fingerprint,
    )
    layout.record.write_text(json.dumps(asdict(emulator)))
    _await_health(emulator, layout=layout)
    return emulator


def stop_emulator(layout: Layout) -> bool:
    """Stop the emulator and its Lambda workers; return whether one ran. Its data stay."""
    emulator = find_emulator(layout)
    process = _process_of(emulator) if emulator else None
    if process:
        _stop_tree(process)
    _kill_workers(layout)
    shutil.rmtree(layout.scratch, ignore_errors=True)
    layout.record.unlink(missing_ok=True)
    return process is not None


def _make_folders(layout: Layout) -> None:
    shutil.rmtree(layout.scratch, ignore_errors=True)
    for folder in (layout.state, layout.objects, layout.scratch):
        folder.mkdir(parents=True, exist_ok=True)


def _scrubbed_environment(layout: Layout, *, port: int, auth: bool) -> dict[str, str]:
    """Return the server's whole environment: Lambda workers inherit all of it."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "AUTH": str(auth).lower(),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(layout.state),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(layout.objects),
        "TMPDIR": str(layout.scratch),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # the user's own AWS account is out of reach
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DOCKER_HOST": "unix:///nonexistent.sock",
    }


def _spawn(layout: Layout, *, environment: Mapping[str, str], shims: Sequence[str]) -> int:
    with layout.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", _SERVER, *shims],
            cwd=REPOSITORY,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it outlives the command that started it
        )
    process.returncode = 0  # so that Python does not warn about a child left running
    return process.pid


def _await_health(emulator: Emulator, *, layout: Layout) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while not _is_healthy(emulator):
        if _process_of(emulator) is None:
            stop_emulator(layout)
            raise StageError(f"the emulator ended at once: {_last_line(layout)}")
        if time.monotonic() > deadline:
            stop_emulator(layout)
            raise StageError(f"the emulator did not answer in {_BOOT_SECONDS:.0f} s: {layout.log}")
        time.sleep(0.02)


def _is_healthy(emulator: Emulator) -> bool:
    # http.client, unlike urllib, never asks the environment for a proxy
    connection = http.client.HTTPConnection(HOST, emulator.port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_line(layout: Layout) -> str:
    lines = layout.log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing, see {layout.log}"


def _process_of(emulator: Emulator) -> psutil.Process | None:
    """Return the live process, never another one that was given the same pid later."""
    try:
        process = psutil.Process(emulator.pid)
        same = abs(process.create_time() - emulator.started_at) < 1
        # a process that has only just begun shows no command line yet
        ours = _SERVER in (process.cmdline() or [_SERVER])
        return process if same and ours and _is_alive(process) else None
    except psutil.Error:
        return None


def _stop_tree(process: psutil.Process) -> None:
    """Ask first, so that the state is saved; then insist, workers included."""
    workers = process.children(recursive=True)
    process.terminate()
    _await_end([process], seconds=_STOP_SECONDS)
    _kill([process, *workers])


def _kill_workers(layout: Layout) -> None:
    """End Lambda workers that outlived their server: they run a script in our scratch folder."""
    inside = f"{layout.scratch}{os.sep}"
    _kill([p for p in psutil.process_iter(["cmdline"]) if _runs_inside(p, inside)])


def _runs_inside(process: psutil.Process, folder: str) -> bool:
    return any(part.startswith(folder) for part in process.info["cmdline"] or ())


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in filter(_is_alive, processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _await_end(processes, seconds=_KILL_SECONDS)


def _await_end(processes: Sequence[psutil.Process], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(_is_alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.wait(timeout=0)  # a child of ours leaves no zombie


def _is_alive(process: psutil.Process) -> bool:
    """A zombie is over: only its parent, which may be slow, has not asked for its result."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
