from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recsysops.errors import ArtefactError
from recsysops.model.packing import owner_digest, pack_vector
from recsysops.serving.api import FallbackReason
from recsysops.serving.fallback import (
    FOLDED_ITEMS,
    ChosenModel,
    MemberVector,
    choose_vector,
    fold_in_items,
    fold_in_session,
    read_vector,
)
from recsysops.vocabulary import Member

from tests.fakes.served_world import ENCODER, FOLD_IN, make_vector, make_world

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


FOLDING = make_world(60, fold_in=FOLD_IN).catalogue


def without_vector(reason: FallbackReason) -> ChosenModel:
    return ChosenModel(FOLDING, MemberVector(None, None, reason), "popularity")


COLD = without_vector("cold_member")


def test_what_somebody_chose_so_far_gives_them_a_vector() -> None:
    chosen = fold_in_session(COLD, FOLDING, ["i0001", "ghost", "i0002", "i0001"])
    folded = chosen.member
    assert chosen.step is None
    assert (folded.packed, folded.reason) == (None, None)
    assert folded.folded == ("i0001", "i0002")
    assert folded.vector is not None
    again = fold_in_items(FOLDING, folded.folded)
    assert again is not None
    assert again.tobytes() == folded.vector.tobytes()


def test_only_the_newest_items_count() -> None:
    ids = [item.item_id for item in FOLDING.items]
    assert fold_in_session(COLD, FOLDING, ids).member.folded == tuple(ids[-FOLDED_ITEMS:])


def test_a_fault_keeps_its_reason_though_a_session_helps() -> None:
    reasons: tuple[FallbackReason, ...] = (
        "vector_mismatch", "member_store_failed", "member_store_slow", "unknown_member",
    )  # fmt: skip
    for reason in reasons:
        chosen = fold_in_session(without_vector(reason), FOLDING, ["i0001"])
        assert chosen.member.vector is not None
        assert (chosen.member.reason, chosen.step) == (reason, "session")


def test_without_items_or_prior_nothing_is_folded_in() -> None:
    assert fold_in_session(COLD, FOLDING, ["ghost"]) is COLD
    assert fold_in_session(COLD, FOLDING, []) is COLD
    assert fold_in_session(COLD, CATALOGUE, ["i0001"]) is COLD
    trained = ChosenModel(FOLDING, choose_vector(MEMBER, CATALOGUE), None)
    assert fold_in_session(trained, FOLDING, ["i0001"]) is trained
