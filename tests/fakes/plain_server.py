"""A server on 127.0.0.1 that answers each request as a test says, and keeps what it was asked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

Script = Callable[[socket.socket, int], bool]


def plain(body: bytes, *, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nx-amzn-requestid: r\r\n\r\n"
    return head.encode() + body


def always(reply: bytes) -> Script:
    return lambda connection, _: connection.sendall(reply) is None


class Server:
    """Answers the n-th request by script(connection, n), which says whether to keep talking."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        # a client that hangs up, or does not trust us, is part of the tests
        with connection, suppress(OSError):
            secure = self._context and self._context.wrap_socket(connection, server_side=True)
            with secure or connection as talking:
                while request := self._read(talking):
                    self.requests.append(request)
                    if not self._script(talking, len(self.requests)):
                        return

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65_536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        _, _, after = head.lower().partition(b"content-length:")
        length = int(after.split(b"\r\n")[0] or 0)
        if b"100-continue" in head:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < length:
            body += connection.recv(65_536)
        return head + b"\r\n\r\n" + body
