"""Who does what must not slow a request: after each response, in the background, or at the end.

A handler calls `request_done` when its answer is ready. On AWS the internal extension
(log_extension) then works while the client already has its answer; on the laptop, which has no
Extensions API, a thread works every so often, as a frozen Lambda sandbox could not.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

Work = Callable[[], None]


_LOGGER = logging.getLogger(__name__)


def do_safely(work: Work) -> None:
    """Work at the edge of a thread: whatever fails is logged, and the thread lives on."""
    try:
        work()
    except Exception:  # a dead thread would stop all deliveries, or keep a sandbox from freezing
        _LOGGER.exception("work after the response failed")


class AfterResponse(Protocol):
    """Runs work outside of requests."""

    def request_done(self) -> None:
        """Say that one request has its answer."""


class InlineWork:
    """Works before the response leaves: the fallback when nothing better is there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def request_done(self) -> None:
        """Work now."""
        do_safely(self._work)


class BackgroundWork:
    """Works in a daemon thread every `period_seconds`, at once when `is_due`, and at exit."""

    def __init__(
        self,
        work: Work,
        *,
        period_seconds: float,
        is_due: Callable[[], bool] = lambda: False,
    ) -> None:
        self._work = work
        self._period_seconds = period_seconds
        self._is_due = is_due
        self._wake = Event()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="after-response", daemon=True)

    def start(self) -> BackgroundWork:
        """Start the thread."""
        self._thread.start()
        atexit.register(self.stop)
        return self

    def request_done(self) -> None:
        """Wake the thread if there is enough to do."""
        if self._is_due():
            self._wake.set()

    def stop(self) -> None:
        """Work a last time and end the thread."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=5.0)
        atexit.unregister(self.stop)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(self._period_seconds)
            self._wake.clear()
            do_safely(self._work)
