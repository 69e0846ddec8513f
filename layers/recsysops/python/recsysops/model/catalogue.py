"""What a scorer holds in memory: artefact and delta put together, ready for the dot product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import ArtefactError
from recsysops.model.artefact import ModelArtefact
from recsysops.model.delta import DeltaSnapshot, item_ids_of, launch_days_of
from recsysops.model.encoder import FeatureEncoder
from recsysops.model.fold_in import FoldInPrior
from recsysops.model.item_columns import LazyColumns
from recsysops.model.kernel import Float32Array, IndexArray
from recsysops.model.recent_launches import RecentLaunches
from recsysops.model.row_finder import RowFinder
from recsysops.vocabulary import ItemFeatures

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All items of one (artefact, delta) pair, ascending by id.

    matrix: (n, d) float32; bias: (n,) float32, fresh popularity under the model's weights;
    launch_days: (n,) days since 1970; largest_row_norm bounds every row's Euclidean norm;
    fold_in: how members without a vector get one, None in artefacts older than that; columns:
    what filters look at; outcomes: (n, 2) recent impressions and plays, None when not counted;
    finder: what finds the rows of many ids at once; copies with other hotfixes share it.
    """

    model_id: str
    delta_id: str
    owner: bytes
    encoder: FeatureEncoder
    items: Sequence[ItemFeatures]
    row_of: dict[str, int]
    matrix: Float32Array
    bias: Float32Array
    launch_days: NDArray[np.int64]
    largest_row_norm: float
    fold_in: FoldInPrior | None = None
    outcomes: NDArray[np.int64] | None = None
    finder: RowFinder = field(repr=False, compare=False, default_factory=RowFinder)
    ids: tuple[str, ...] = field(init=False, repr=False, compare=False)
    columns: LazyColumns = field(init=False, repr=False, compare=False, default_factory=LazyColumns)
    recent: RecentLaunches = field(
        init=False, repr=False, compare=False, default_factory=RecentLaunches
    )

    def __post_init__(self) -> None:
        """Keep the ids by row: naming a slate must not make its items."""
        object.__setattr__(self, "ids", tuple(self.row_of))

    @property
    def item_ids(self) -> list[str]:
        """Ids in row order."""
        return list(self.row_of)

    def rows_of(self, ids: Sequence[str]) -> IndexArray:
        """Return the row of every id, (len(ids),); -1 for those that are in no row."""
        return self.finder.find(ids, self.row_of)

    def prepare(self) -> None:
        """Make now what the first long list of ids would wait for."""
        self.finder.prepare(self.row_of)

    def launched(self, moment: datetime) -> NDArray[np.bool_]:
        """Return which items have launched by a moment, (n,)."""
        return self.launch_days <= day_of(moment)

    def launched_since(self, moment: datetime, *, days: int) -> NDArray[np.bool_]:
        """Return which items launch later than `days` days before a moment, (n,).

        Items whose launch is not known launched long ago; those yet to launch are among them.
        """
        return self.launch_days > day_of(moment) - days

    def ids_launched_since(self, moment: datetime, *, days: int) -> frozenset[str]:
        """Return the ids of `launched_since`, from memory when it is asked for the same day."""
        day = day_of(moment) - days
        return self.recent.after(day, ids=self.ids, launch_days=self.launch_days)


def day_of(moment: datetime) -> int:
    """Return the UTC day of an aware moment, in days since 1970.

    >>> day_of(datetime.fromisoformat("1970-01-02T00:30:00+01:00"))
    0
    """
    return int(moment.timestamp()) // _SECONDS_PER_DAY


def assemble_catalogue(artefact: ModelArtefact, delta: DeltaSnapshot) -> Catalogue:
    """Put a model and a snapshot of the items together.

    Rows of unchanged items come from the artefact; changed and new items use the snapshot's
    vectors when they were made for this model, else they are encoded here (collaborative part
    kept, or zero when new). Items the artefact knows and the snapshot lacks are gone.

    Raises: ArtefactError when the snapshot lacks a half-life that the model needs, or together
        they give scores that are no numbers.
    """
    item_ids = item_ids_of(delta)
    matrix = _rows_from_artefact(artefact, item_ids)
    if delta.model_id == artefact.model_id:
        _refuse_misfits(artefact, delta)
        matrix[delta.changed_rows] = delta.changed_vectors
    else:
        _encode_content(artefact, delta.items, into=matrix)
    bias = popularity_bias(artefact, delta)
    if not (np.isfinite(bias).all() and np.isfinite(matrix).all()):
        raise ArtefactError(f"{delta.delta_id} holds NaN or infinite numbers")
    return Catalogue(
        model_id=artefact.model_id,
        delta_id=delta.delta_id,
        owner=artefact.owner,
        encoder=artefact.encoder,
        items=delta.items,
        row_of=dict(zip(item_ids, range(len(item_ids)), strict=True)),
        matrix=matrix,
        bias=bias,
        launch_days=launch_days_of(delta),
        largest_row_norm=_largest_norm(matrix),
        fold_in=artefact.manifest.fold_in,
        outcomes=delta.outcomes,
    )


def popularity_bias(artefact: ModelArtefact, delta: DeltaSnapshot) -> Float32Array:
    """Return Σ weight · log_popularity over the model's half-lives, (n,) float32."""
    total = np.zeros(len(delta.items), dtype=np.float64)
    for term in artefact.manifest.popularity:
        if term.half_life_days not in delta.half_life_days:
            raise ArtefactError(
                f"{delta.delta_id} has no popularity at half-life {term.half_life_days} days, "
                f"which {artefact.model_id} needs; it has {delta.half_life_days}"
            )
        column = delta.half_life_days.index(term.half_life_days)
        total += term.weight * delta.log_popularity[:, column].astype(np.float64)
    return total.astype(np.float32)


def _refuse_misfits(artefact: ModelArtefact, delta: DeltaSnapshot) -> None:
    found, needed = delta.changed_vectors.shape[1:], (artefact.encoder.width,)
    if found != needed:
        raise ArtefactError(f"{delta.delta_id}: vectors are {found} wide, the model's {needed}")


def _rows_from_artefact(artefact: ModelArtefact, item_ids: list[str]) -> Float32Array:
    known = artefact.item_ids.tolist()
    if known == item_ids:  # nothing came or went
        return private_copy(artefact.item_matrix)
    row_of = {item_id: row for row, item_id in enumerate(known)}
    rows = np.array([row_of.get(item_id, -1) for item_id in item_ids], dtype=np.intp)
    matrix = np.zeros((len(item_ids), artefact.encoder.width), dtype=np.float32)
    matrix[rows >= 0] = artefact.item_matrix[rows[rows >= 0]]
    return matrix


def private_copy(matrix: Float32Array) -> Float32Array:
    """Return a copy that may be written to; of a mapped file, only the pages that are.

    A whole file as `np.load(…, mmap_mode=…)` maps it: slices of one are not told apart.
    """
    if not (isinstance(matrix, np.memmap) and matrix.filename):
        return matrix.copy()
    try:
        mapped = np.memmap(
            matrix.filename, matrix.dtype, mode="c", offset=matrix.offset, shape=matrix.shape
        )
    except OSError:  # somebody cleaned up: what is mapped already stays readable
        return np.array(matrix)
    return mapped.view(np.ndarray)


def _encode_content(
    artefact: ModelArtefact, items: Sequence[ItemFeatures], *, into: Float32Array
) -> None:
    width = artefact.encoder.content_width
    for row, item in enumerate(items):
        into[row, :width] = artefact.encoder.encode(item)


def _largest_norm(matrix: Float32Array) -> float:
    if not len(matrix):
        return 0.0
    return float(np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64).max()))
