"""Keeps how far audits have come, in one object that two runs at once cannot tear."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from recsysops.detection.catalogue import AUDITS
from recsysops.detection.checks import Judgement
from recsysops.detection.context import AuditContext
from recsysops.detection.schedule import Progress, find_late, note_run
from recsysops.errors import BadData, NotFound
from recsysops.ports import BlobStore

PROGRESS_KEY = "audit-runs/progress.json"


class ProgressStore:
    """The progress of audits in a bucket."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def load(self) -> Progress:
        """Return how far audits have come; nothing when none ever ran.

        Raises: DependencyError, BadData.
        """
        try:
            return _read(self._blobs.get(PROGRESS_KEY))
        except NotFound:
            return Progress()

    def note(self, judgements: Sequence[Judgement], context: AuditContext) -> None:
        """Note a run whose findings are recorded: from now on its window is not due any more.

        Raises: DependencyError, ConflictError, BadData.
        """

        def change(body: bytes | None) -> bytes:
            noted = _note(_read(body) if body else Progress(), judgements, context)
            return noted.model_dump_json().encode()

        self._blobs.update(PROGRESS_KEY, change)

    def find_late(self, judgements: Sequence[Judgement], context: AuditContext) -> list[Judgement]:
        """Return judgements of audits that are late by the end of a run; notes nothing.

        Raises: DependencyError, BadData.
        """
        answered = _note(self.load(), judgements, context)
        cadences = {audit.name: audit.every for audit in AUDITS}
        late = find_late(answered, cadences, at=context.window_end)
        return [
            Judgement(audit=name, status="audit_late", reason=reason)
            for name, reason in late.items()
        ]


def _note(progress: Progress, judgements: Sequence[Judgement], context: AuditContext) -> Progress:
    return note_run(
        progress,
        every=context.every,
        window=context.window,
        revision=context.revision,
        answered=[one.audit for one in judgements if one.status != "audit_failed"],
        known=[audit.name for audit in AUDITS],
    )


def _read(body: bytes) -> Progress:
    try:
        return Progress.model_validate_json(body)
    except ValidationError as error:
        raise BadData(f"the progress of audits cannot be read: {error.errors()[0]}") from error
