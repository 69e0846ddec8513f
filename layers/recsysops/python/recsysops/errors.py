"""Every error this package raises on purpose, as one tree.

RecSysOpsError
├── BadInput              the caller sent something not allowed          → HTTP 422, exit status 2
│   ├── BadBody           a request body breaks its schema; has paths    → HTTP 422
│   └── BadData           a data file or record cannot be read           → exit status 2
├── NotFound              a named thing does not exist                   → HTTP 404, exit status 2
├── ArtefactError         a model or delta is corrupt or does not fit    → old one keeps serving
├── FlagError             a flag document breaks its rules               → last good one is kept
├── CouldNotJudge         too little evidence to answer honestly         → shown, never guessed
├── ConflictError         somebody else changed or deploys it right now  → exit status 2
└── DependencyError       a service we need failed                       → fallback, counted
    └── DeadlineError     … because it did not answer in time            → fallback, counted
"""

from __future__ import annotations

from collections.abc import Sequence


class RecSysOpsError(Exception):
    """Root of the tree; a message says what was wrong, the value, and what is allowed."""


class BadInput(RecSysOpsError):  # noqa: N818 - reads as a sentence at the raise
    """The caller sent a value that is not allowed."""


class BadBody(BadInput):
    """A request body breaks its schema; `problems` are (path, message) pairs."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{path}: {message}" for path, message in problems))


class BadData(BadInput):
    """A data file or stored record cannot be read as what it claims to be."""


class NotFound(RecSysOpsError):  # noqa: N818 - reads as a sentence at the raise
    """A named thing does not exist."""


class ArtefactError(RecSysOpsError):
    """A model artefact or delta snapshot is corrupt, incomplete or of another schema."""


class FlagError(RecSysOpsError):
    """A flag document breaks the rules it must keep before it may be deployed or read."""


class CouldNotJudge(RecSysOpsError):  # noqa: N818 - reads as a sentence at the raise
    """The evidence does not support an answer; the message says why."""


class ConflictError(RecSysOpsError):
    """Somebody else changed the thing first, or a deployment is already running."""


class DependencyError(RecSysOpsError):
    """A service this one needs failed, was throttled or answered too late."""


class DeadlineError(DependencyError):
    """A service did not answer within the time that was set for it."""
