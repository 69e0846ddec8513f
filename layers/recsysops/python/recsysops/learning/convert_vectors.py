"""Turns two arrays of vectors that were trained elsewhere into a model artefact of ours.

Any model whose score is a dot product fits: its item vectors become the collaborative block, an
item bias one more column that every member weighs with 1. Content blocks stay empty, so changed
metadata do not move its ranks and new items score by popularity alone until the next conversion.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from recsysops.errors import BadData
from recsysops.learning.popularity import SMOOTHING
from recsysops.model.artefact import pack_artefact
from recsysops.model.kernel import Float32Array
from recsysops.model.vector_set import VectorSet
from recsysops.vocabulary import ID_PATTERN

MAX_WIDTH = 4_096
"""A member's packed vectors must fit into one DynamoDB item of 400 KB."""


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedModel:
    """The artefact's files by name, and the members' vectors as the model scores them, (m, w)."""

    files: dict[str, bytes]
    members: VectorSet


def convert_vectors(
    items: VectorSet,
    members: VectorSet,
    *,
    as_of: datetime,
    trained_by: str,
    popularity_weight: float = 0.0,
    half_life_days: float = 30.0,
) -> ConvertedModel:
    """Make an artefact whose score is `member · item + item bias` of the given arrays.

    Args:
        items: item vectors, with a bias or without.
        members: member vectors of the same width.
        as_of: when the vectors were trained.
        trained_by: who or what trained them, shown wherever the model is.
        popularity_weight: weight of log fresh popularity in the score; 0 leaves the given scores
            as they are, and then members without a vector are not ranked by popularity either.
        half_life_days: half-life of that popularity, > 0.

    The same arrays and moment give the same model id.

    Raises: BadData naming what does not fit: widths, repeated or hostile ids, NaN, a bias on
        members, an empty set.
    """
    _check(items, name="items")
    _check(members, name="members")
    if items.vectors.shape[1] != members.vectors.shape[1]:
        raise BadData(
            f"item vectors are {items.vectors.shape[1]} wide, "
            f"member vectors {members.vectors.shape[1]}"
        )
    if members.bias is not None:
        raise BadData("members have a bias: it is the same for all items and ranks nothing")
    if not (np.isfinite(popularity_weight) and np.isfinite(half_life_days) and half_life_days > 0):
        raise BadData("popularity needs a finite weight and a half-life above 0 days")
    matrix, folded = _fold_bias(items, members)
    order = np.argsort(np.array(items.ids, dtype=np.str_))
    manifest: dict[str, object] = {
        "trained_at": as_of.astimezone(UTC).isoformat(),
        "trained_by": trained_by,
        "data_hash": _hash_of(items, members),
        "genres": (),
        "year_knots": (),
        "languages": (),
        "collaborative_width": matrix.shape[1],
        "popularity": [{"half_life_days": half_life_days, "weight": popularity_weight}],
        "popularity_smoothing": SMOOTHING,
        "notes": {"converted_from": "two arrays of vectors"},
    }
    files = pack_artefact(
        manifest=manifest,
        item_ids=np.array(items.ids, dtype=np.str_)[order],
        item_matrix=matrix[order],
        play_counts=np.zeros((len(order), 1)),
    )
    return ConvertedModel(files, VectorSet(members.ids, folded))


def _fold_bias(items: VectorSet, members: VectorSet) -> tuple[Float32Array, Float32Array]:
    if items.bias is None:
        return items.vectors, members.vectors
    ones = np.ones((len(members.ids), 1), dtype=np.float32)
    return np.hstack([items.vectors, items.bias[:, None]]), np.hstack([members.vectors, ones])


def _check(given: VectorSet, *, name: str) -> None:
    vectors, count = given.vectors, len(given.ids)
    if not count or vectors.ndim != 2 or not 1 <= vectors.shape[1] < MAX_WIDTH:
        raise BadData(
            f"{name}: {count} ids with vectors of shape {vectors.shape}; at least one id and "
            f"vectors (n, d) with d from 1 to {MAX_WIDTH - 1} are needed"
        )
    if len(vectors) != count or (given.bias is not None and given.bias.shape != (count,)):
        raise BadData(f"{name}: {count} ids do not fit {len(vectors)} vectors and their bias")
    bias = np.zeros(1) if given.bias is None else given.bias
    if not (np.isfinite(vectors).all() and np.isfinite(bias).all()):
        raise BadData(f"{name}: vectors hold NaN or numbers beyond float32")
    _check_ids(given.ids, name=name)


def _check_ids(ids: Sequence[str], *, name: str) -> None:
    if len(set(ids)) < len(ids):
        raise BadData(f"{name}: {len(ids) - len(set(ids))} ids are there twice")
    strange = [one for one in ids if not re.fullmatch(ID_PATTERN, one)]
    if strange:
        raise BadData(f"{name}: {strange[0][:80]!r} is no id: letters, digits and _.:- only")


def _hash_of(*sets: VectorSet) -> str:
    digest = hashlib.sha256()
    for given in sets:
        digest.update("\x1f".join(given.ids).encode())
        digest.update(given.vectors.tobytes())
        digest.update(b"" if given.bias is None else given.bias.tobytes())
    return digest.hexdigest()[:16]
