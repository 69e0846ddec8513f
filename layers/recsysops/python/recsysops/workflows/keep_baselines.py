"""Keeps what audits learned of a reference, so that the lake is asked about it once."""

from __future__ import annotations

from recsysops.detection.baseline import (
    Baseline,
    baseline_key,
    dump_baseline,
    load_baseline,
)
from recsysops.detection.declaration import Audit
from recsysops.errors import NotFound
from recsysops.ports import BlobStore
from recsysops.vocabulary import Window


class BaselineStore:
    """Baselines as objects of a bucket, and those this process has met, in memory."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._met: dict[str, Baseline] = {}

    def find(self, audit: Audit, reference: Window) -> Baseline | None:
        """Return what is kept of a reference, None when it was never asked as it is asked now.

        Raises: DependencyError; BadData when the object cannot be read.
        """
        key = baseline_key(audit, reference)
        if key not in self._met:
            try:
                self._met[key] = load_baseline(self._blobs.get(key))
            except NotFound:
                return None
        return self._met[key]

    def keep(self, baseline: Baseline, *, even_empty: bool = False) -> None:
        """Keep a baseline; an empty one only if told so: the reference may still come in.

        Raises: DependencyError.
        """
        if even_empty or not baseline.is_empty:
            self._blobs.put(baseline.key, dump_baseline(baseline))
            self._met[baseline.key] = baseline
