"""Knows which model and vector a member is ranked with, and what answers when there is none.

The chain: the model that should serve, another one the member has a vector for, fresh popularity;
without any catalogue a stored list (static_list.py). Every step has its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recsysops.errors import ArtefactError
from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float32Array
from recsysops.model.packing import unpack_vector
from recsysops.serving.api import FallbackReason
from recsysops.vocabulary import FallbackStep, Member

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


@dataclass(frozen=True, slots=True, eq=False)
class ModelChain:
    """Catalogues that may serve a request, best first, never empty.

    is_degraded: the model that should be first could not be loaded.
    """

    catalogues: tuple[Catalogue, ...]
    is_degraded: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ChosenModel:
    """The catalogue that serves a request, with which vector; `step` None means as it should."""

    catalogue: Catalogue
    member: MemberVector
    step: FallbackStep | None


def choose_model(member: Member | None, chain: ModelChain) -> ChosenModel:
    """Return the first model of the chain that has a vector of the member, else popularity.

    Unknown and cold members have none for any model: they get the first model's popularity.
    """
    found = choose_vector(member, chain.catalogues[0])
    if found.vector is not None:
        return _first_model(found, chain)
    if found.reason == "vector_mismatch":
        for catalogue in chain.catalogues[1:]:
            other = choose_vector(member, catalogue)
            if other.vector is not None:
                return ChosenModel(catalogue, replace(other, reason=found.reason), "previous_model")
    return ChosenModel(chain.catalogues[0], found, "popularity")


def choose_popularity(chain: ModelChain, reason: FallbackReason) -> ChosenModel:
    """Return fresh popularity under the first model, for this reason."""
    return ChosenModel(chain.catalogues[0], MemberVector(None, None, reason), "popularity")


def _first_model(found: MemberVector, chain: ModelChain) -> ChosenModel:
    if chain.is_degraded:
        found = replace(found, reason="model_unavailable")
    return ChosenModel(chain.catalogues[0], found, "previous_model" if chain.is_degraded else None)


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
