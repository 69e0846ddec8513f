"""Knows which model and vector a member is ranked with, and what answers when there is none.

The chain: the model that should serve, another one the member has a vector for, fresh popularity;
without any catalogue a stored list (static_list.py). Every step has its reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recsysops.errors import ArtefactError
from recsysops.model.catalogue import Catalogue
from recsysops.model.fold_in import fold_in_content
from recsysops.model.kernel import Float32Array
from recsysops.model.packing import unpack_vector
from recsysops.serving.api import FallbackReason
from recsysops.vocabulary import FallbackStep, Member

FOLDED_ITEMS = 50
"""A session's newest items that make its vector; more change little and are all logged."""

_NEWCOMERS = ("anonymous", "cold_member")

_LARGEST_SCORE = 1e30
"""Far above any trained score and far below what float32 can round without overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class MemberVector:
    """A member's vector as stored and as numbers (d,), or both None with the reason.

    folded: items that the vector was folded in from, oldest first; nothing is stored then.
    """

    packed: bytes | None
    vector: Float32Array | None
    reason: FallbackReason | None
    folded: tuple[str, ...] = ()


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


def fold_in_session(chosen: ChosenModel, catalogue: Catalogue, items: Sequence[str]) -> ChosenModel:
    """Return the choice with a vector folded in from items somebody chose, where there is none.

    Only the newest FOLDED_ITEMS that the catalogue knows count. Whoever is new or anonymous is
    then served as well as can be, so their reason goes; a fault (a misfit, a failing store)
    keeps its reason.

    Args:
        chosen: what would serve without.
        catalogue: the chosen one with the hotfixes of this member.
        items: what was chosen so far, oldest first.
    """
    member = chosen.member
    known = [item_id for item_id in dict.fromkeys(items) if item_id in catalogue.row_of]
    folded = tuple(known[-FOLDED_ITEMS:])
    vector = fold_in_items(catalogue, folded)
    if member.vector is not None or vector is None:
        return chosen
    reason = None if member.reason in _NEWCOMERS else member.reason
    served = MemberVector(None, vector, reason, folded)
    return replace(chosen, member=served, step=None if reason is None else "session")


def fold_in_items(catalogue: Catalogue, items: Sequence[str]) -> Float32Array | None:
    """Return the vector of a member who chose these items, (d,); None without items or prior."""
    rows = [catalogue.row_of[item_id] for item_id in items if item_id in catalogue.row_of]
    if catalogue.fold_in is None or not rows:
        return None
    content = catalogue.matrix[rows, : catalogue.encoder.content_width]
    return fold_in_content(content, prior=catalogue.fold_in, encoder=catalogue.encoder)


def read_vector(packed: bytes, catalogue: Catalogue) -> Float32Array:
    """Unpack a vector and check that it can be scored against the catalogue, (d,).

    Raises: ArtefactError when its header, width or numbers do not fit.
    """
    vector = unpack_vector(packed, owner=catalogue.owner)
    width = catalogue.matrix.shape[1]
    if len(vector) != width:
        raise ArtefactError(f"member vector has {len(vector)} numbers, the model needs {width}")
    # also refuses NaN: no comparison with it is true
    wide = vector.astype(np.float64)
    largest = math.sqrt(wide.dot(wide)) * catalogue.largest_row_norm
    if not largest < _LARGEST_SCORE:
        raise ArtefactError(f"member vector could score {largest:g}: it holds no sane numbers")
    return vector
