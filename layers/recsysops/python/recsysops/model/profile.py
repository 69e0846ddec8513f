"""What a trained model looks like in sums: norms, zeros and training plays, by segment and group.

Sums by hash group of items, so that two models can be compared with a jackknife and without
their arrays. A model is its own evidence: whoever trained it, these numbers come from its files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsysops.model.artefact import ModelArtefact
from recsysops.model.kernel import Float64Array
from recsysops.vocabulary import HASH_GROUPS, ItemFeatures, ProfileSubject, hash_group

EVERY_ITEM = "all"
SEGMENTED: tuple[ProfileSubject, ...] = ("collaborative", "training_plays")
"""What is also summed by genre, language and source: where a poisoned segment shows."""


@dataclass(frozen=True, slots=True)
class ProfileSums:
    """Sums of one quantity x over the items of one segment and hash group."""

    subject: ProfileSubject
    segment: str
    item_group: int
    items: int
    total: float
    squared: float
    zeros: int


def profile_model(
    artefact: ModelArtefact, features: Mapping[str, ItemFeatures]
) -> list[ProfileSums]:
    """Sum what the artefact says of each of its items; groups without items are left out.

    `features` name the segments of the items they know. Items that are not trained on (no
    features and no plays) count all the same: the artefact holds them.
    """
    ids = artefact.item_ids.tolist()
    groups = np.array([hash_group(item_id) for item_id in ids], dtype=np.intp)
    segments = list_segments([features.get(item_id) for item_id in ids])
    return [
        sums
        for subject, values in measure_items(artefact).items()
        for segment, rows in segments.items()
        if segment == EVERY_ITEM or subject in SEGMENTED
        for sums in sum_by_group(subject, segment, values[rows], groups[rows])
    ]


def measure_items(artefact: ModelArtefact) -> dict[ProfileSubject, Float64Array]:
    """Return x of every subject, (n_items,) each; see vocabulary.ProfileSubject."""
    matrix = artefact.item_matrix.astype(np.float64)
    measured: dict[ProfileSubject, Float64Array] = {
        block.name: np.linalg.norm(matrix[:, block.start : block.stop], axis=1)  # type: ignore[misc]
        for block in artefact.encoder.blocks
        if block.stop > block.start
    }
    if not artefact.play_counts.shape[1]:
        return measured
    half_lives = [term.half_life_days for term in artefact.manifest.popularity]
    plays = artefact.play_counts[:, int(np.argmax(half_lives))]
    popularity = np.log(plays + artefact.manifest.popularity_smoothing)
    measured["popularity"] = popularity
    measured["popularity_correlation"] = correlate_items(np.linalg.norm(matrix, axis=1), popularity)
    measured["training_plays"] = plays
    return measured


def correlate_items(left: Float64Array, right: Float64Array) -> Float64Array:
    """Return per item the product of both quantities standardised; its mean is Pearson's r.

    A quantity without spread correlates with nothing: zeros.
    """
    return _standardise(left) * _standardise(right)


def list_segments(features: list[ItemFeatures | None]) -> dict[str, NDArray[np.intp]]:
    """Return the row numbers of every segment, 'all' first."""
    rows: dict[str, list[int]] = {EVERY_ITEM: list(range(len(features)))}
    for row, item in enumerate(features):
        for segment in _segments_of(item) if item else ():
            rows.setdefault(segment, []).append(row)
    return {segment: np.array(members, dtype=np.intp) for segment, members in rows.items()}


def sum_by_group(
    subject: ProfileSubject, segment: str, values: Float64Array, groups: NDArray[np.intp]
) -> Iterator[ProfileSums]:
    """Yield the sums of each hash group that has items."""
    counts = np.bincount(groups, minlength=HASH_GROUPS)
    totals = np.bincount(groups, weights=values, minlength=HASH_GROUPS)
    squares = np.bincount(groups, weights=values * values, minlength=HASH_GROUPS)
    zeros = np.bincount(groups[values == 0.0], minlength=HASH_GROUPS)
    for group in np.flatnonzero(counts).tolist():
        yield ProfileSums(
            subject,
            segment,
            group,
            int(counts[group]),
            float(totals[group]),
            float(squares[group]),
            int(zeros[group]),
        )


def _segments_of(item: ItemFeatures) -> Iterator[str]:
    yield from (f"genre={genre}" for genre in dict.fromkeys(item.genres))
    yield f"language={item.language or 'none'}"
    yield f"source={item.source}"


def _standardise(values: Float64Array) -> Float64Array:
    spread = values.std() if len(values) else 0.0
    return (values - values.mean()) / spread if spread > 0 else np.zeros(len(values))
