"""Pins the stretch that audits with a frozen baseline are compared with."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from recsysops.detection.baseline import KEY_PREFIX
from recsysops.errors import BadData, BadInput, NotFound
from recsysops.ports import BlobStore
from recsysops.vocabulary import Window

PINNED_KEY = f"{KEY_PREFIX}pinned.json"


class PinnedReference(BaseModel):
    """Which stretch is the frozen reference, since when, and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    start: AwareDatetime
    end: AwareDatetime
    pinned_at: AwareDatetime
    reason: str = ""

    @property
    def window(self) -> Window:
        """The stretch."""
        return Window(self.start, self.end)


def pin_reference(
    window: Window, *, blobs: BlobStore, reason: str, now: datetime
) -> PinnedReference:
    """Freeze a stretch as the reference; audits learn it anew at their next run.

    Raises: BadInput when the stretch is empty or not over; DependencyError.
    """
    if not window.start < window.end <= now:
        raise BadInput(f"a reference must be a stretch of the past, not {window.start:%F %R}"
                       f" to {window.end:%F %R}")  # fmt: skip
    pinned = PinnedReference(start=window.start, end=window.end, pinned_at=now, reason=reason)
    blobs.put(PINNED_KEY, pinned.model_dump_json().encode())
    return pinned


def find_pinned(blobs: BlobStore) -> PinnedReference | None:
    """Return the frozen reference, None when none was ever pinned.

    Raises: BadData, DependencyError.
    """
    try:
        return PinnedReference.model_validate_json(blobs.get(PINNED_KEY))
    except NotFound:
        return None
    except ValidationError as error:
        raise BadData(f"the pinned reference cannot be read: {error.errors()[0]}") from error
