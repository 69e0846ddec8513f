"""Our API as a client sees it, against a server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from recsysops.adapters.http_api import HttpApi
from recsysops.errors import BadInput, DependencyError


class Server:
    """Answers what `answer` says and keeps (method, path, token, body)."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, b"{}")
        self.asked: list[tuple[str, str, str, bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                token = self.headers["authorization"]
                server.asked.append((self.command, self.path, token, body))
                status, text = server.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self) -> None:
                self.do_POST()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture
def api(server: Server) -> Iterator[HttpApi]:
    client = HttpApi(f"{server.url}/", token=iter(["first", "second"]).__next__)
    yield client
    client._pool.clear()


def test_a_call_carries_the_token_of_the_moment_and_returns_json(server, api) -> None:
    server.answer = (200, b'{"items": []}')
    assert api.call("POST", "/v1/recommendations", {"member_id": "m1"}) == {"items": []}
    api.call("GET", "/health")
    assert server.asked == [
        ("POST", "/v1/recommendations", "Bearer first", b'{"member_id": "m1"}'),
        ("GET", "/health", "Bearer second", b""),
    ]


@pytest.mark.parametrize(
    ("status", "error"), [(422, BadInput), (401, BadInput), (503, DependencyError)]
)
def test_a_refusal_is_an_error_with_the_apis_own_words(server, api, status, error) -> None:
    server.answer = (status, json.dumps({"message": "limit: too large"}).encode())
    with pytest.raises(error, match=f"GET /x: {status} .*limit: too large"):
        api.call("GET", "/x")


def test_an_api_that_is_not_there_is_a_dependency_error() -> None:
    api = HttpApi("http://127.0.0.1:1", token=lambda: "t")
    with pytest.raises(DependencyError, match="GET /x: MaxRetryError"):
        api.call("GET", "/x")
