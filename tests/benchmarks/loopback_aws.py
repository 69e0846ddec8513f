"""A stand-in for four AWS services on 127.0.0.1, in a process of its own: packed, fixed answers.

It costs as little as a Python server can, so that what is measured is the client: every answer is
made once per request body and then sent again as it is. `--delay-ms` adds network time to each.

DynamoDB: GetItem of one member; BatchGetItem of items with packed or listed vectors; PutItem.
S3: GET of files below `--folder`. AppConfig: nothing deployed. Firehose: takes all.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

DIMENSION = 64
PACKED_TABLE = "packed-items"
LISTED_TABLE = "listed-items"

Reply = tuple[int, str, bytes]


def item_vector(item_id: str) -> np.ndarray:
    """The vector of one item, the same in every process, (64,)."""
    return np.random.default_rng(int(item_id[1:])).normal(size=DIMENSION).astype(np.float32)


class Answers:
    """What each service answers; each answer is made once."""

    def __init__(self, folder: Path, member: dict[str, Any]) -> None:
        self._folder = folder
        self._member = member
        self._made: dict[tuple[str, bytes], bytes] = {}
        self._targets: dict[str, Callable[[dict[str, Any]], object]] = {
            "DynamoDB_20120810.GetItem": self._get_item,
            "DynamoDB_20120810.BatchGetItem": self._batch_get_item,
            "DynamoDB_20120810.PutItem": lambda _: {},
            "Firehose_20150804.PutRecordBatch": self._put_records,
        }

    def reply(self, head: bytes, body: bytes) -> bytes:
        """Return the whole HTTP answer to one request."""
        target = _header(head, b"x-amz-target")
        if target:
            key = (target, body)
            if key not in self._made:
                answer = json.dumps(self._targets[target](json.loads(body))).encode()
                self._made[key] = _message((200, "application/x-amz-json-1.0", answer))
            return self._made[key]
        method, path, _ = head.split(b" ", 2)
        return _message(self._rest(method.decode(), path.decode()))

    def _rest(self, method: str, path: str) -> Reply:
        if path.startswith("/configuration"):
            if method == "POST":
                return 201, "application/json", b'{"InitialConfigurationToken":"t"}'
            return 200, "application/json", b""
        file = self._folder / path.split("?", maxsplit=1)[0].lstrip("/")
        if file.is_file():
            return 200, "binary/octet-stream", file.read_bytes()
        return 404, "application/xml", b"<Error><Code>NoSuchKey</Code></Error>"

    def _get_item(self, call: dict[str, Any]) -> object:
        return {"Item": {**self._member, **call["Key"]}}

    def _batch_get_item(self, call: dict[str, Any]) -> object:
        return {
            "Responses": {
                table: [_item(table, key) for key in asked["Keys"]]
                for table, asked in call["RequestItems"].items()
            },
            "UnprocessedKeys": {},
        }

    def _put_records(self, call: dict[str, Any]) -> object:
        responses = [{"RecordId": "r"} for _ in call["Records"]]
        return {"FailedPutCount": 0, "RequestResponses": responses}


def _item(table: str, key: dict[str, Any]) -> dict[str, Any]:
    vector = item_vector(key["item_id"]["S"])
    if table == PACKED_TABLE:
        return {**key, "vector": {"B": base64.b64encode(vector.tobytes()).decode()}}
    return {**key, "vector": {"L": [{"N": f"{number:.9g}"} for number in vector.tolist()]}}


def _message(reply: Reply) -> bytes:
    status, kind, body = reply
    head = (
        f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"x-amz-crc32: {zlib.crc32(body)}\r\nx-amzn-RequestId: R\r\n"
        "Next-Poll-Configuration-Token: t\r\nNext-Poll-Interval-In-Seconds: 60\r\n\r\n"
    )
    return head.encode() + body


def _header(head: bytes, name: bytes) -> str:
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return ""
    start += len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip().decode()


def _serve_connection(connection: socket.socket, answers: Answers, delay_seconds: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = b""
    while True:
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            piece = connection.recv(65_536)
            if not piece:
                return
            buffer += piece
        head, buffer = buffer[: end + 2], buffer[end + 4 :]
        length = int(_header(head, b"content-length") or 0)
        if _header(head, b"expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(buffer) < length:
            buffer += connection.recv(65_536)
        body, buffer = buffer[:length], buffer[length:]
        reply = answers.reply(head, body)
        if delay_seconds:
            time.sleep(delay_seconds)
        connection.sendall(reply)


def _serve(folder: Path, member: dict[str, Any], delay_seconds: float) -> None:
    answers = Answers(folder, member)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(
                target=_serve_connection, args=(connection, answers, delay_seconds), daemon=True
            ).start()


@contextmanager
def loopback_aws(folder: Path, *, delay_ms: float = 0.0) -> Iterator[str]:
    """Run the stand-in in a process of its own; yields its URL."""
    command = [sys.executable, "-m", __name__, "--folder", str(folder), "--delay-ms", str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    given = parser.parse_args()
    row = json.loads((given.folder / "member.json").read_text())
    _serve(given.folder, row, given.delay_ms / 1_000.0)
