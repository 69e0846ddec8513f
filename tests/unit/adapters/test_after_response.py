"""Work outside of requests: in a thread, by the Extensions API, or at the end of the request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest
from recsysops.adapters.after_response import BackgroundWork, InlineWork
from recsysops.adapters.log_extension import LogExtension
from recsysops.errors import DependencyError

WAIT_SECONDS = 10.0


def fail() -> None:
    raise ValueError("broken work")


class FakeRuntime:
    """The Extensions API: hands out invocations, and knows when the extension asks again."""

    def __init__(self, *, status: int = 200) -> None:
        self.status = status
        self.invocations: Queue[dict[str, Any] | None] = Queue()
        self.asks: Queue[str] = Queue()
        self.registered: list[tuple[str, bytes]] = []
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                runtime.registered.append((self.headers["Lambda-Extension-Name"], body))
                self.answer(runtime.status, b"{}", {"Lambda-Extension-Identifier": "id-1"})

            def do_GET(self) -> None:
                runtime.asks.put(self.headers["Lambda-Extension-Identifier"])
                event = runtime.invocations.get()
                status = 200 if event else 500
                self.answer(status, json.dumps(event).encode(), {})

            def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def invoke(self, *, seconds: float = 60.0) -> None:
        deadline_ms = int(1000 * (time.time() + seconds))
        self.invocations.put({"eventType": "INVOKE", "deadlineMs": deadline_ms})

    def close(self) -> None:
        self.invocations.put(None)
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def runtime() -> Iterator[FakeRuntime]:
    fake = FakeRuntime()
    yield fake
    fake.close()


def test_the_extension_works_between_the_answer_and_its_next_ask(runtime: FakeRuntime) -> None:
    worked: Queue[int] = Queue()
    extension = LogExtension(runtime.address, lambda: worked.put(runtime.asks.qsize())).start()
    name, body = runtime.registered[0]
    assert name == "recsysops-after-response"
    assert json.loads(body) == {"events": ["INVOKE"]}
    for _ in range(2):
        assert runtime.asks.get(timeout=WAIT_SECONDS) == "id-1"
        runtime.invoke()
        assert worked.empty(), "the handler is not done yet"
        extension.request_done()
        # it has not asked for the next event when it works, or the sandbox could freeze
        assert worked.get(timeout=WAIT_SECONDS) == 0


def test_a_handler_that_times_out_does_not_hold_the_sandbox(runtime: FakeRuntime) -> None:
    worked: Queue[None] = Queue()
    LogExtension(runtime.address, lambda: worked.put(None)).start()
    runtime.invoke(seconds=0.05)
    worked.get(timeout=WAIT_SECONDS)


def test_the_extension_survives_work_that_fails(
    runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    extension = LogExtension(runtime.address, fail).start()
    for _ in range(2):
        runtime.asks.get(timeout=WAIT_SECONDS)
        runtime.invoke()
        extension.request_done()
    runtime.asks.get(timeout=WAIT_SECONDS)
    assert caplog.messages == ["work after the response failed"] * 2


@pytest.mark.parametrize("status", [403, 500])
def test_a_refused_registration_is_a_dependency_error(status: int) -> None:
    fake = FakeRuntime(status=status)
    try:
        with pytest.raises(DependencyError, match=f"refused the log extension with {status}"):
            LogExtension(fake.address, fail).start()
    finally:
        fake.close()


def test_a_runtime_without_the_api_is_a_dependency_error() -> None:
    with pytest.raises(DependencyError, match="cannot register"):
        LogExtension("127.0.0.1:1", fail).start()


def test_the_background_thread_works_in_time_when_due_and_at_the_end() -> None:
    worked: Queue[str] = Queue()
    due = threading.Event()
    work = BackgroundWork(
        lambda: worked.put("done"), period_seconds=3600.0, is_due=due.is_set
    ).start()
    work.request_done()
    assert worked.empty()
    due.set()
    work.request_done()
    assert worked.get(timeout=WAIT_SECONDS) == "done"
    due.clear()
    work.stop()
    assert worked.get(timeout=WAIT_SECONDS) == "done"
    work.stop()
    assert worked.empty()


def test_the_background_thread_works_every_period_and_survives_failures(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: Queue[None] = Queue()

    def work_and_fail() -> None:
        calls.put(None)
        fail()

    work = BackgroundWork(work_and_fail, period_seconds=0.001).start()
    for _ in range(3):
        calls.get(timeout=WAIT_SECONDS)
    work.stop()
    assert set(caplog.messages) == {"work after the response failed"}


def test_inline_work_is_done_before_the_answer_and_its_failure_costs_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    InlineWork(fail).request_done()
    assert caplog.messages == ["work after the response failed"]
