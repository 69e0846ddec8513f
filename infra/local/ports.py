"""Knows which ports of this machine are free and who holds the others."""

import contextlib
import socket

import psutil

from infra.local.errors import StageError

HOST = "127.0.0.1"
DEFAULT_PORT = 4566


def require_free_port(port: int) -> None:
    """Return when the port can be bound.

    Raises:
        StageError: somebody holds it; says who, and how to choose another.
    """
    if not is_free(port):
        raise StageError(
            f"port {port} is taken by {name_holder(port)};"
            f" choose another with --port, for example --port {find_free_port()}"
        )


def is_free(port: int) -> bool:
    """Return whether this machine can listen on the port."""
    with socket.socket() as probe:
        # as servers do: the port of a stage that has just stopped is free again
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def find_free_port() -> int:
    """Return a port that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def name_holder(port: int) -> str:
    """Say which process listens on the port, as far as this user may see."""
    for process in psutil.process_iter():
        # process by process, because macOS shows only one's own
        with contextlib.suppress(psutil.Error):
            if _listens(process, port):
                return f"process {process.pid} ({process.name()})"
    return "a process of another user"


def _listens(process: psutil.Process, port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in process.net_connections(kind="tcp")
    )
