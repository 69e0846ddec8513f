"""ConfigDeployer in memory, with AppConfig's rules: one deployment at a time, stop rolls back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Literal

from recsysops.errors import ConflictError


class MemoryConfigDeployer:
    """Deploys to a variable; `at-once` completes at once, `staged` when `finish` is called.

    Args:
        on_content: called with the document whenever the served content changes ('' when a
            stop returns to nothing), e.g. to set `MemoryFlags.document`.
        finish_staged: complete staged deployments at once too.
    """

    def __init__(
        self, *, on_content: Callable[[str], None] | None = None, finish_staged: bool = False
    ) -> None:
        self._lock = RLock()
        self._on_content = on_content
        self._finish_staged = finish_staged
        self._served: list[str] = [""]
        self._number = 0
        self._state = "NONE"
        self.notes: list[str] = []

    def deploy(self, document: str, *, strategy: Literal["staged", "at-once"], note: str) -> str:
        """Start a deployment; returns its id. Raises: ConflictError when one is running."""
        with self._lock:
            if self._state == "DEPLOYING":
                raise ConflictError(f"deployment {self._number} is still running; stop it first")
            self._number += 1
            self._state = "DEPLOYING"
            self._served.append(document)
            self.notes.append(note)
            if strategy == "at-once" or self._finish_staged:
                self._state = "COMPLETE"
            self._tell()
            return str(self._number)

    def finish(self) -> None:
        """Let a running deployment complete."""
        with self._lock:
            if self._state == "DEPLOYING":
                self._state = "COMPLETE"

    def stop(self) -> bool:
        """Stop a running deployment, returning to the content before; False when none ran."""
        with self._lock:
            if self._state != "DEPLOYING":
                return False
            self._served.pop()
            self._state = "ROLLED_BACK"
            self._tell()
            return True

    def status(self) -> Mapping[str, str]:
        """Return {deployment_id, state, percent} of the newest deployment."""
        percent = {"COMPLETE": "100", "DEPLOYING": "20"}.get(self._state, "0")
        return {"deployment_id": str(self._number), "state": self._state, "percent": percent}

    def current(self) -> str:
        """Return the newest document that was deployed ('' when none)."""
        return self._served[-1]

    def _tell(self) -> None:
        if self._on_content is not None:
            self._on_content(self._served[-1])
