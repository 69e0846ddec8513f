"""An internal Lambda extension: a thread that works after the response has left.

Lambda answers the client as soon as the handler returns, but freezes the sandbox only when every
extension asks for its next event. So: ask; when an invocation begins, wait until the handler is
done; work; ask again. (Lambda Extensions API; internal extensions get no SHUTDOWN event, so
nothing may wait for one.)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Semaphore, Thread

from recsysops.adapters.after_response import Work, do_safely
from recsysops.errors import DependencyError

_ROOT = "/2020-01-01/extension"
_NAME = "recsysops-after-response"


class LogExtension:
    """AfterResponse by the Extensions API at `address` (AWS_LAMBDA_RUNTIME_API)."""

    def __init__(self, address: str, work: Work, *, now: Callable[[], float] = time.time) -> None:
        self._address = address
        self._work = work
        self._now = now
        self._done = Semaphore(0)
        self._thread = Thread(target=self._run, name=_NAME, daemon=True)
        self._identifier = ""

    def start(self) -> LogExtension:
        """Register, which Lambda allows only while the function initializes, and start.

        Raises: DependencyError when the runtime refuses.
        """
        self._identifier = self._register()
        self._thread.start()
        return self

    def request_done(self) -> None:
        """Let the work of this invocation begin."""
        self._done.release()

    def _register(self) -> str:
        connection = HTTPConnection(self._address, timeout=2.0)
        try:
            connection.request(
                "POST",
                f"{_ROOT}/register",
                body=json.dumps({"events": ["INVOKE"]}),
                headers={"Lambda-Extension-Name": _NAME, "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            raise DependencyError(f"cannot register the log extension: {error}") from error
        finally:
            connection.close()
        return _identifier_of(answer)

    def _run(self) -> None:
        # no timeout: the sandbox may be frozen for hours inside this request
        connection = HTTPConnection(self._address)
        try:
            while self._await_invocation(connection):
                do_safely(self._work)
        finally:
            connection.close()

    def _await_invocation(self, connection: HTTPConnection) -> bool:
        """Wait for the next invocation and for its handler; False when the sandbox ends."""
        try:
            connection.request(
                "GET",
                f"{_ROOT}/event/next",
                headers={"Lambda-Extension-Identifier": self._identifier},
            )
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            return False
        if answer.status != 200:
            return False
        # a handler that timed out never says that it is done: then its deadline ends the wait
        left_seconds = json.loads(body)["deadlineMs"] / 1000.0 - self._now()
        self._done.acquire(timeout=max(0.0, left_seconds))
        return True


def _identifier_of(answer: HTTPResponse) -> str:
    identifier = answer.getheader("Lambda-Extension-Identifier")
    if answer.status != 200 or identifier is None:
        raise DependencyError(f"the runtime refused the log extension with {answer.status}")
    return identifier
