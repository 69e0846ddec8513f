from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.errors import ArtefactError
from recsysops.model.packing import owner_digest, pack_vector
from recsysops.serving.fallback import choose_vector, read_vector
from recsysops.vocabulary import Member

from tests.fakes.served_world import ENCODER, make_vector, make_world

WORLD = make_world(30)
CATALOGUE = WORLD.catalogue
MEMBER = WORLD.members.get("m1")
OWNER = CATALOGUE.owner


def member_with(packed: bytes, model_id: str = CATALOGUE.model_id) -> Member:
    assert MEMBER is not None
    return replace(MEMBER, vectors={model_id: packed})


def test_a_fitting_vector_is_used_as_stored() -> None:
    assert MEMBER is not None
    chosen = choose_vector(MEMBER, CATALOGUE)
    assert chosen.packed == MEMBER.vectors[CATALOGUE.model_id]
    assert chosen.vector is not None
    assert chosen.vector.tolist() == make_vector(1).tolist()
    assert chosen.reason is None


BROKEN = {
    "another model": pack_vector(make_vector(1), owner=owner_digest("m-other", "x")),
    "too short": pack_vector(make_vector(1)[:-1], owner=OWNER),
    "cut off": pack_vector(make_vector(1), owner=OWNER)[:-3],
    "no header": b"\0\1",
    "numbers too large": pack_vector(np.full(ENCODER.width, 3e38, dtype=np.float32), owner=OWNER),
    "no numbers": pack_vector(make_vector(1), owner=OWNER)[:14]
    + np.full(ENCODER.width, np.nan, dtype="<f4").tobytes(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_vector_that_does_not_fit_degrades_and_says_so(name: str) -> None:
    chosen = choose_vector(member_with(BROKEN[name]), CATALOGUE)
    assert (chosen.packed, chosen.vector, chosen.reason) == (None, None, "vector_mismatch")
    with pytest.raises(ArtefactError):
        read_vector(BROKEN[name], CATALOGUE)


def test_no_member_no_vector_and_another_models_vector_have_reasons_of_their_own() -> None:
    assert MEMBER is not None
    assert choose_vector(None, CATALOGUE).reason == "unknown_member"
    assert choose_vector(replace(MEMBER, vectors={}), CATALOGUE).reason == "cold_member"
    other = member_with(MEMBER.vectors[CATALOGUE.model_id], model_id="m-other")
    assert choose_vector(other, CATALOGUE).reason == "vector_mismatch"
