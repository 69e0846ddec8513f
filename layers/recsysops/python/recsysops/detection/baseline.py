"""What is kept of a reference: its bin edges and its aggregates, so that it is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from recsysops.detection.cells import read_edges
from recsysops.detection.declaration import Audit
from recsysops.detection.packed import PackedSums, read_packed
from recsysops.errors import BadData
from recsysops.ports import Row
from recsysops.vocabulary import Window

KEY_PREFIX = "baselines/"


class Baseline(BaseModel):
    """One audit's aggregates over one reference.

    digest: of what the audit's SQL asks; an audit that was changed has another baseline.
    edges: inner bin edges by subject, as the rows were binned. rows: see detection.cells.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    audit: str
    digest: str
    reference_start: AwareDatetime
    reference_end: AwareDatetime
    edges: dict[str, tuple[float, ...]] = {}
    rows: tuple[dict[str, object], ...] = ()

    @property
    def key(self) -> str:
        """Where it is kept."""
        return _key(self.audit, self.digest, self.reference_start, self.reference_end)

    @cached_property
    def sums(self) -> PackedSums:
        """The aggregates, read once for all windows that are held against them. Raises: BadData."""
        return read_packed(self.rows)

    @property
    def is_empty(self) -> bool:
        """Whether the reference held nothing when it was asked."""
        return not self.rows


def baseline_key(audit: Audit, reference: Window) -> str:
    """Return where the audit's baseline over a reference is kept."""
    return _key(audit.name, audit.digest, reference.start, reference.end)


def make_baseline(audit: Audit, reference: Window, rows: Sequence[Row]) -> Baseline:
    """Keep the reference's part of an answer to a question about it, or about both periods.

    Raises: BadData when the answer tells edges that are no numbers.
    """
    return Baseline(
        audit=audit.name,
        digest=audit.digest,
        reference_start=reference.start,
        reference_end=reference.end,
        edges=read_edges(rows),
        rows=tuple(dict(row) for row in rows if row.get("period") == "reference"),
    )


def dump_baseline(baseline: Baseline) -> bytes:
    """Return a baseline as JSON."""
    return baseline.model_dump_json().encode()


def load_baseline(body: bytes) -> Baseline:
    """Read a baseline back. Raises: BadData."""
    try:
        return Baseline.model_validate_json(body)
    except ValidationError as error:
        raise BadData(f"a kept baseline cannot be read: {error.errors()[0]['msg']}") from error


def _key(audit: str, digest: str, start: datetime, end: datetime) -> str:
    span = "-".join(f"{moment.astimezone(UTC):%Y%m%dT%H%M%S}" for moment in (start, end))
    return f"{KEY_PREFIX}{audit}/{span}-{digest}.json"
