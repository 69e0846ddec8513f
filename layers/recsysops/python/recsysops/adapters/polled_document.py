"""One AppConfig document, read when it is due and kept while nothing better comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeVar

from recsysops.adapters.aws_clients import AwsClient, translate_errors
from recsysops.errors import DependencyError, FlagError, NotFound
from recsysops.serving.flag_document import digest_text

ValueT = TypeVar("ValueT")

REST_SECONDS = 5.0
"""After a poll that was not answered nobody asks again for so long."""

PATIENCE_SECONDS = 0.05
"""How long a request waits for a newer document: several round trips within a region."""


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """Where a document is deployed: AppConfig ids."""

    application_id: str
    environment_id: str
    profile_id: str


@dataclass(slots=True)
class SharedRest:
    """Keeps all documents of one service from asking one that has just not answered.

    Else a request that finds three documents too old would wait for three time-outs.
    """

    until: float = float("-inf")


class PolledDocument(Generic[ValueT]):
    """The last good value of a document.

    `rejected` is the digest of a newer text that broke the rules, None when the newest is
    served. `last_good` reads a document from where deployers keep it, for a process that starts
    while AppConfig serves nonsense. `is_stale`: the service did not answer the newest poll.
    """

    def __init__(
        self,
        client: AwsClient,
        source: DocumentSource,
        *,
        parse: Callable[[str], ValueT],
        default: ValueT,
        poll_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        last_good: Callable[[], str] | None = None,
        rest: SharedRest | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._client = client
        self._source = source
        self._parse = parse
        self._value = default
        self._last_good = last_good
        self._poll_seconds = poll_seconds
        self._monotonic = monotonic
        self._token: str | None = None
        self._next_poll = float("-inf")
        self._rest = rest or SharedRest()
        self._patience_seconds = patience_seconds
        self._was_asked = False
        self._was_answered = False
        self._knows_newest = False
        self._lock = Lock()
        self._failures = 0
        self.rejected: str | None = None
        self.is_stale = False

    def read(self) -> ValueT:
        """Return the value, asking the service first when the last answer is too old.

        Nobody waits for longer than `patience_seconds`: the poll goes on in the background and
        the last good value serves. Only the very first poll, before which nothing is known, is
        waited for.
        """
        if self._is_due(0.0) and self._lock.acquire(blocking=False):
            if self._was_asked:
                self._poll_aside()
            else:
                self._poll_and_release()
        return self._value

    def refresh(self, *, early_seconds: float = 0.0) -> None:
        """Ask the service when the last answer is, or soon will be, too old; wait for it.

        Used after a response, so that under steady traffic no member meets a poll at all.
        """
        if self._is_due(early_seconds) and self._lock.acquire(blocking=False):
            self._poll_and_release()

    @property
    def is_known(self) -> bool:
        """A good document was read, or nothing was ever deployed; else the default is a guess."""
        return self._knows_newest

    def expire(self) -> None:
        """Hold the last answer for too old: the next read asks, in a new session."""
        self._token = None
        self._next_poll = float("-inf")

    def take_failures(self) -> int:
        """Return how many polls the service has not answered since the last call."""
        failures, self._failures = self._failures, 0
        return failures

    def _is_due(self, early_seconds: float) -> bool:
        return self._monotonic() >= max(self._next_poll - early_seconds, self._rest.until)

    def _poll_aside(self) -> None:
        answered = Event()

        def poll() -> None:
            try:
                self._poll_and_release()
            finally:
                answered.set()

        try:
            Thread(target=poll, name="poll-configuration", daemon=True).start()
        except RuntimeError:  # no thread to be had: the next read tries again
            self._lock.release()
            return
        if not answered.wait(self._patience_seconds):
            # nor does the same request wait for another document
            self._rest.until = self._monotonic() + min(REST_SECONDS, self._poll_seconds)

    def _poll_and_release(self) -> None:
        try:
            self._poll()
        finally:
            self._lock.release()

    def _poll(self) -> None:
        self._was_asked = True
        text = ""
        try:
            text = self._fetch()
            self._was_answered = True
            self.is_stale = False
        except DependencyError:
            # a token is good for one call, so the next poll opens a new session
            self._token = None
            self._failures += 1
            self.is_stale = True
            self._rest.until = self._monotonic() + min(REST_SECONDS, self._poll_seconds)
        # a process that knows nothing yet does not serve the default for a whole period
        wait_seconds = self._poll_seconds if self._was_answered else 0.0
        self._next_poll = self._monotonic() + wait_seconds
        if text:
            self._take(text)
        elif self._was_answered and self.rejected is None:
            self._knows_newest = True

    def _take(self, text: str) -> None:
        try:
            self._value = self._parse(text)
            self._knows_newest = True
            self.rejected = None
            self._last_good = None
        except FlagError:
            self.rejected = digest_text(text)
            self._recall()

    def _recall(self) -> None:
        """Take the last good document from its keeper, unless this process has seen one."""
        if self._last_good is None:
            return
        try:
            self._value = self._parse(self._last_good())
            self._last_good = None
        except (NotFound, FlagError):
            self._last_good = None  # our own code never deployed one: the default serves
        except DependencyError:
            return  # asked again with the next nonsense

    def _fetch(self) -> str:
        """Return the new text, '' when nothing changed or nothing was ever deployed."""
        with translate_errors(f"read configuration {self._source.profile_id}"):
            answer = self._client.get_latest_configuration(
                ConfigurationToken=self._token or self._open_session()
            )
            self._token = answer["NextPollConfigurationToken"]
            return _decode(answer["Configuration"].read())

    def _open_session(self) -> Any:
        session = self._client.start_configuration_session(
            ApplicationIdentifier=self._source.application_id,
            EnvironmentIdentifier=self._source.environment_id,
            ConfigurationProfileIdentifier=self._source.profile_id,
        )
        return session["InitialConfigurationToken"]


def _decode(body: bytes) -> str:
    # bytes that are no text must still be refused by the parser, not crash the poll
    return body.decode("utf-8", "replace")
