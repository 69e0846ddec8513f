"""A member store that is not asked again while it does not answer.

Without it an outage would make every page wait for the whole deadline, and a function that waits
needs many times the sandboxes of one that answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from recsysops.errors import DependencyError
from recsysops.ports import MemberReader
from recsysops.vocabulary import Member

FAILURES_BEFORE_REST = 3
REST_SECONDS = 1.0


class RestingMembers:
    """MemberReader that rests for a second after three failures in a row; one read then tries."""

    def __init__(
        self, members: MemberReader, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._members = members
        self._monotonic = monotonic
        self._failures = 0
        self._rest_until = float("-inf")

    def get(self, member_id: str) -> Member | None:
        """Return the member, or None when unknown. Raises: DependencyError, BadData."""
        if self._monotonic() < self._rest_until:
            raise DependencyError(f"the member store rests after {self._failures} failures")
        try:
            member = self._members.get(member_id)
        except DependencyError:
            self._note_failure()
            raise
        self._failures = 0
        return member

    def _note_failure(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_REST:
            self._rest_until = self._monotonic() + REST_SECONDS
