from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import BadData
from recsysops.learning.convert_vectors import convert_vectors
from recsysops.model.artefact import unpack_artefact
from recsysops.model.kernel import block_contributions, round_scores
from recsysops.model.vector_set import VectorSet

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)


def vectors(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


ITEMS = VectorSet(("b", "a"), vectors([1.0, 2.0], [3.0, 4.0]), np.float32([0.5, -1.0]))
MEMBERS = VectorSet(("m",), vectors([10.0, 1.0]))


def convert(items: VectorSet = ITEMS, members: VectorSet = MEMBERS, **options: float):
    return convert_vectors(items, members, as_of=AS_OF, trained_by="two towers", **options)


def kernel_scores(items: VectorSet, members: VectorSet) -> dict[str, float]:
    model = convert(items, members)
    artefact = unpack_artefact(model.files)
    contributions = block_contributions(
        artefact.item_matrix,
        model.members.vectors[0],
        bias=np.zeros(len(artefact.item_ids), np.float32),
        blocks=artefact.encoder.blocks,
    )
    scores = round_scores(contributions).tolist()
    return dict(zip(artefact.item_ids.tolist(), scores, strict=True))


def test_a_score_is_the_dot_product_and_the_bias_by_hand() -> None:
    assert kernel_scores(ITEMS, MEMBERS) == {"a": 33.0, "b": 12.5}


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_scores_are_those_of_the_arrays_whatever_they_are(d: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = VectorSet(
        tuple(f"i{k}" for k in rng.permutation(n)),
        rng.normal(size=(n, d)).astype(np.float32),
        rng.normal(size=n).astype(np.float32),
    )
    member = VectorSet(("m",), rng.normal(size=(1, d)).astype(np.float32))
    exact = items.vectors.astype(float) @ member.vectors[0].astype(float) + items.bias
    found = kernel_scores(items, member)
    np.testing.assert_allclose([found[one] for one in items.ids], exact, rtol=1e-6, atol=1e-6)


def test_item_ids_ascend_and_take_their_vectors_along() -> None:
    artefact = unpack_artefact(convert().files)
    assert artefact.item_ids.tolist() == ["a", "b"]
    assert artefact.item_matrix.tolist() == [[3.0, 4.0, -1.0], [1.0, 2.0, 0.5]]


def test_without_a_bias_nothing_is_added() -> None:
    model = convert(replace(ITEMS, bias=None))
    assert unpack_artefact(model.files).item_matrix.shape == (2, 2)
    assert model.members.vectors is MEMBERS.vectors


def test_the_same_arrays_give_the_same_model_and_other_ones_another() -> None:
    def name(*given: VectorSet, **options: float) -> str:
        return unpack_artefact(convert(*given, **options).files).model_id

    assert name() == name()
    moved = replace(MEMBERS, vectors=vectors([10.0, 1.5]))
    others = {name(ITEMS, moved), name(popularity_weight=0.1), name(half_life_days=2.0)}
    assert len(others | {name()}) == 4


def test_the_manifest_says_who_trained_it_and_that_it_was_converted() -> None:
    manifest = unpack_artefact(convert(popularity_weight=0.3).files).manifest
    assert (manifest.trained_by, manifest.popularity[0].weight) == ("two towers", 0.3)
    assert manifest.notes == {"converted_from": "two arrays of vectors"}


@pytest.mark.parametrize(
    ("items", "members", "said"),
    [
        (replace(ITEMS, ids=("a",)), MEMBERS, "items: 1 ids do not fit 2 vectors"),
        (replace(ITEMS, ids=("a", "a")), MEMBERS, "items: 1 ids are there twice"),
        (replace(ITEMS, ids=("a", "b'; --")), MEMBERS, "is no id"),
        (replace(ITEMS, bias=np.float32([np.nan, 1.0])), MEMBERS, "NaN"),
        (replace(ITEMS, bias=np.float32([1.0])), MEMBERS, "do not fit"),
        (ITEMS, replace(MEMBERS, vectors=vectors([1.0])), "2 wide, member vectors 1"),
        (ITEMS, replace(MEMBERS, vectors=vectors([np.inf, 1.0])), "members: vectors hold NaN"),
        (ITEMS, replace(MEMBERS, bias=np.float32([1.0])), "ranks nothing"),
        (VectorSet((), np.zeros((0, 2), np.float32)), MEMBERS, "items: 0 ids"),
        (ITEMS, VectorSet(("m",), np.zeros((1, 5000), np.float32)), "from 1 to 4095"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    items: VectorSet, members: VectorSet, said: str
) -> None:
    with pytest.raises(BadData, match=said) as caught:
        convert(items, members)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"half_life_days": 0.0}, {"popularity_weight": np.nan}])
def test_popularity_needs_sane_numbers(options: dict[str, float]) -> None:
    with pytest.raises(BadData, match="half-life above 0"):
        convert(**options)
