"""GetItem over a kept connection, without botocore's 0.4 ms of machinery; all else is botocore's.

Only the plain case is here: a clean 200 with a length. Whatever else comes back, or a connection
that cannot be had, is asked again through the boto3 client, which retries, renews credentials and
words its errors as everywhere. A read that takes too long is not asked again. See decision 0051.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ReadTimeoutError

from recsysops.adapters.aws_clients import AwsClient
from recsysops.adapters.sigv4 import Keys, sign_request

_TARGET = "DynamoDB_20120810.GetItem"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class LeanDynamoDb:
    """A boto3 DynamoDB client whose `get_item` takes the short way when it can.

    Args:
        client: answers everything else; its endpoint, region and time-outs are used here too.
        keys: returns credentials that are valid now, None when there are none.
        authorities: file of certificate authorities; None for the machine's own.
    """

    def __init__(
        self, client: AwsClient, *, keys: Callable[[], Keys | None], authorities: str | None = None
    ) -> None:
        url = urlsplit(client.meta.endpoint_url)
        self._client = client
        self._keys = keys
        self._address = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
        self._host = url.netloc
        self._tls = (
            ssl.create_default_context(cafile=authorities) if url.scheme == "https" else None
        )
        self._idle: deque[socket.socket] = deque()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **call: Any) -> dict[str, Any]:
        """Return what boto3's get_item returns, its metadata apart. Raises: as boto3's."""
        answer = self._ask(json.dumps(call, separators=(",", ":")).encode())
        if answer is None:
            found: dict[str, Any] = self._client.get_item(**call)
            return found
        item: dict[str, Any] = json.loads(answer, object_hook=_decode_binary)
        return item

    def close(self) -> None:
        """Close what is open; the next read opens a connection again, as boto3's client does."""
        while self._idle:
            self._idle.pop().close()
        self._client.close()

    def _ask(self, body: bytes) -> bytes | None:
        """Return the body of a plain answer; None when boto3 had better ask."""
        keys = self._keys()
        if keys is None:
            return None
        message = self._message(body, keys)
        try:
            # an idle connection may have died unheard: then a new one is asked, once
            kept = self._idle.pop() if self._idle else None
            answer = None if kept is None else self._try_kept(kept, message)
            return answer or self._exchange(self._connect(), message)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._host) from error
        except (OSError, ValueError):
            return None

    def _try_kept(self, connection: socket.socket, message: bytes) -> bytes | None:
        try:
            return self._exchange(connection, message)
        except TimeoutError:
            raise
        except OSError:
            return None

    def _connect(self) -> socket.socket:
        config = self._client.meta.config
        connection = socket.create_connection(self._address, timeout=config.connect_timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_hostname=self._address[0])
        connection.settimeout(config.read_timeout)
        return connection

    def _message(self, body: bytes, keys: Keys) -> bytes:
        headers = sign_request(
            body,
            host=self._host,
            region=self._client.meta.region_name,
            target=_TARGET,
            keys=keys,
            now=datetime.now(UTC),
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body

    def _exchange(self, connection: socket.socket, message: bytes) -> bytes:
        """Return the body of a 200; keep the connection only then.

        Raises: OSError when the connection breaks, ValueError for anything but a plain answer.
        """
        try:
            connection.sendall(message)
            data = _receive(connection, until=lambda data: _HEAD_END in data)
            head, _, body = data.partition(_HEAD_END)
            missing = _length_of(head) - len(body)
            if missing > 0:
                body += _receive(connection, until=lambda data: len(data) >= missing)
            if missing < 0 or not head.startswith(b"HTTP/1.1 200 "):
                raise ValueError("not a plain answer")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return body


def _receive(connection: socket.socket, *, until: Callable[[bytes], bool]) -> bytes:
    data = b""
    while not until(data):
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionResetError("the other end closed the connection")
        data += piece
    return data


def _length_of(head: bytes) -> int:
    """Return the announced length of the body. Raises: ValueError when there is none."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    raise ValueError("no content-length")


def _decode_binary(attribute: dict[str, Any]) -> dict[str, Any]:
    """Turn {"B": text} into {"B": bytes}, as boto3 does; other objects stay as they are."""
    binary = attribute.get("B")
    if len(attribute) == 1 and isinstance(binary, str):
        return {"B": base64.b64decode(binary)}
    return attribute
