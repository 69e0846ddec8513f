"""Plain signed calls over kept connections, without botocore; all else is left to botocore.

Only the plain case is here: a clean 200 or 201 with a length. Whatever else comes back, or a
connection that cannot be had, gives None: the boto3 client is asked then, which retries, renews
credentials and words its errors as everywhere. A call that takes too long is not made again. See
decisions 0051 and 0071.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import urlsplit
from weakref import finalize

from recsysops.adapters.sigv4 import Call, Keys, sign_call

_HEAD_END = b"\r\n\r\n"
_PLAIN = (b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is asked, and how long one waits. service: the name that signatures use."""

    url: str
    service: str
    region: str
    connect_seconds: float
    read_seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A plain answer."""

    head: bytes
    body: bytes

    def header(self, name: bytes) -> str | None:
        """Return a header by its name in lower case, None without it."""
        for line in self.head.split(b"\r\n"):
            if line[: len(name) + 1].lower() == name + b":":
                return line[len(name) + 1 :].strip().decode("ascii")
        return None


class LeanHttp:
    """Calls one peer.

    Args:
        peer: who.
        keys: returns credentials that are valid now, None when there are none.
        authorities: file of certificate authorities; None for the machine's own.
    """

    def __init__(
        self, peer: Peer, *, keys: Callable[[], Keys | None], authorities: str | None = None
    ) -> None:
        url = urlsplit(peer.url)
        self.peer = peer
        self._keys = keys
        self._authorities = authorities
        self._is_secure = url.scheme == "https"
        self._address = (url.hostname or "", url.port or (443 if self._is_secure else 80))
        self._host = url.netloc
        self._idle: deque[socket.socket] = deque()
        finalize(self, _close_all, self._idle)

    def ask(self, call: Call) -> Reply | None:
        """Return a plain answer; None when boto3 had better ask.

        Raises: ReadTimeoutError, botocore's, when the answer takes too long.
        """
        keys = self._keys()
        if keys is None:
            return None
        message = self._message(call, keys)
        try:
            return self._exchange_kept(message)
        except TimeoutError as error:
            from botocore.exceptions import ReadTimeoutError

            raise ReadTimeoutError(endpoint_url=self._host) from error
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Close what is open; the next call opens a connection again."""
        _close_all(self._idle)

    def _exchange_kept(self, message: bytes) -> Reply:
        """Ask over an idle connection, which may have died unheard: then over a new one, once."""
        try:
            return self._exchange(self._idle.pop(), message)
        except (IndexError, ConnectionError, ssl.SSLError):
            return self._exchange(self._connect(), message)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._authorities)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=self.peer.connect_seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._is_secure:
            connection = self._tls.wrap_socket(connection, server_hostname=self._address[0])
        connection.settimeout(self.peer.read_seconds)
        return connection

    def _message(self, call: Call, keys: Keys) -> bytes:
        peer, now = self.peer, datetime.now(UTC)
        headers = sign_call(
            call, host=self._host, service=peer.service, region=peer.region, keys=keys, now=now
        )
        target = f"{call.path}?{call.query}" if call.query else call.path
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{call.method} {target} HTTP/1.1\r\n{lines}content-length: {len(call.body)}\r\n\r\n"
        return head.encode() + call.body

    def _exchange(self, connection: socket.socket, message: bytes) -> Reply:
        """Return a plain answer; keep the connection only then.

        Raises: OSError when the connection breaks, ValueError for anything but a plain answer.
        """
        try:
            connection.sendall(message)
            reply = _receive_reply(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return reply


def _close_all(connections: deque[socket.socket]) -> None:
    while connections:
        connections.pop().close()


def _receive_reply(connection: socket.socket) -> Reply:
    data = b""
    while _HEAD_END not in data:
        data += _receive(connection)
    head, _, start = data.partition(_HEAD_END)
    length = Reply(head, b"").header(b"content-length")
    if length is None or not head.startswith(_PLAIN):
        raise ValueError(f"not a plain answer: {head[:40]!r}")
    pieces, missing = [start], int(length) - len(start)
    while missing > 0:
        pieces.append(_receive(connection))
        missing -= len(pieces[-1])
    if missing:
        raise ValueError("more than was announced")
    return Reply(head, b"".join(pieces))


def _receive(connection: socket.socket) -> bytes:
    piece = connection.recv(65_536)
    if not piece:
        raise ConnectionResetError("the other end closed the connection")
    return piece
