"""Knows which ports of this machine are free and who holds the others."""

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
    try:
        listeners = psutil.net_connections(kind="tcp")
        pid = next(
            c.pid
            for c in listeners
            if c.status == psutil.CONN_LISTEN and c.laddr.port == port and c.pid
        )
        return f"process {pid} ({psutil.Process(pid).name()})"
    except (StopIteration, psutil.Error):
        return "a process of another user"
