"""Knows which vector a member is ranked with, and why there is none: popularity serves then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsysops.errors import ArtefactError
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.model.packing import unpack_vector
from recsysops.serving.api import FallbackReason
from recsysops.vocabulary import Member

_LARGEST_SCORE = 1e30
"""Far above any trained score and far below what float32 can round without overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class MemberVector:
    """A member's vector as stored and as numbers (d,), or both None with the reason."""

    packed: bytes | None
    vector: Float32Array | None
    reason: FallbackReason | None


def choose_vector(member: Member | None, catalogue: Catalogue) -> MemberVector:
    """Return the member's vector for the serving model, or why popularity must do.

    A vector that does not fit degrades to popularity and never fails a request.
    """
    if member is None:
        return MemberVector(None, None, "unknown_member")
    if not member.vectors:
        return MemberVector(None, None, "cold_member")
    packed = member.vectors.get(catalogue.model_id)
    try:
        vector = None if packed is None else read_vector(packed, catalogue)
    except ArtefactError:
        vector = None
    if vector is None:
        return MemberVector(None, None, "vector_mismatch")
    return MemberVector(packed, vector, None)


def read_vector(packed: bytes, catalogue: Catalogue) -> Float32Array:
    """Unpack a vector and check that it can be scored against the catalogue, (d,).

    Raises: ArtefactError when its header, width or numbers do not fit.
    """
    vector = unpack_vector(packed, owner=catalogue.owner)
    width = catalogue.matrix.shape[1]
    if len(vector) != width:
        raise ArtefactError(f"member vector has {len(vector)} numbers, the model needs {width}")
    # also refuses NaN: no comparison with it is true
    largest = float(np.linalg.norm(vector.astype(np.float64))) * catalogue.largest_row_norm
    if not largest < _LARGEST_SCORE:
        raise ArtefactError(f"member vector could score {largest:g}: it holds no sane numbers")
    return vector
