"""What the HTTP client does when the API misbehaves, against a server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from recsysops.adapters.http_api import HttpApi
from recsysops.errors import BadInput, DependencyError


class Server(ThreadingHTTPServer):
    """Answers `answer`, or hangs up without a word when it is None."""

    daemon_threads = True
    answer: tuple[int, bytes] | None = (200, b"{}")

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.answer is None:
            self.close_connection = True
            return
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def api(server: Server) -> Iterator[HttpApi]:
    client = HttpApi(f"http://127.0.0.1:{server.server_port}", token=lambda: "token")
    yield client
    client._pool.clear()


@pytest.mark.parametrize("body", [b"<html>not found</html>", b"", b"\xff\xfe", b"[1, 2]", b'"ok"'])
def test_a_200_that_is_no_json_object_is_a_dependency_error(
    server: Server, api: HttpApi, body: bytes
) -> None:
    server.answer = (200, body)
    with pytest.raises(DependencyError, match="GET /health: 200 but no JSON"):
        api.call("GET", "/health")


def test_a_post_is_never_repeated_because_the_server_may_have_acted_on_it(
    server: Server, api: HttpApi
) -> None:
    server.answer = None
    with pytest.raises(DependencyError, match="POST /v1/feedback"):
        api.call("POST", "/v1/feedback", {"events": []})
    server.answer = (503, b"busy")
    with pytest.raises(DependencyError, match="503 busy"):
        api.call("POST", "/v1/feedback", {"events": []})
    assert server.asked == ["POST /v1/feedback"] * 2


def test_long_words_of_the_api_are_cut_and_bytes_that_are_no_text_do_not_hurt(
    server: Server, api: HttpApi
) -> None:
    server.answer = (422, b"\xff" + b"x" * 5_000)
    with pytest.raises(BadInput) as refused:
        api.call("POST", "/v1/recommendations", {})
    assert len(str(refused.value)) < 400


def test_a_refusal_is_told_in_the_words_of_the_api(server: Server, api: HttpApi) -> None:
    server.answer = (422, b'{"error": "bad_input", "message": "limit: too many", "problems": []}')
    with pytest.raises(BadInput, match=r"^POST /v1/feedback: 422 limit: too many$"):
        api.call("POST", "/v1/feedback", {})
