from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recsysops.errors import ArtefactError
from recsysops.model.packing import owner_digest, pack_vector, unpack_vector

OWNER = owner_digest("m-1", "schema")
VECTOR = np.array([1.5, -2.25, 0.0], dtype=np.float32)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, st.integers(0, 80), elements=finite))
def test_a_packed_vector_comes_back_bit_for_bit(vector: np.ndarray) -> None:
    assert (
        unpack_vector(pack_vector(vector, owner=OWNER), owner=OWNER).tobytes() == vector.tobytes()
    )


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (b"", "0 bytes"),
        (b"RV\x01\x01", "4 bytes"),
        (b"XX" + pack_vector(VECTOR, owner=OWNER)[2:], "version 1"),
        (b"RV\x02" + pack_vector(VECTOR, owner=OWNER)[3:], "version 1"),
        (b"RV\x01\x02" + pack_vector(VECTOR, owner=OWNER)[4:], "version 1"),
        (pack_vector(VECTOR, owner=OWNER)[:-1], "says 3 numbers"),
        (pack_vector(VECTOR, owner=OWNER) + b"\0", "says 3 numbers"),
    ],
)
def test_a_header_that_does_not_match_is_refused_with_what_is_wrong(
    packed: bytes, said: str
) -> None:
    with pytest.raises(ArtefactError, match=said):
        unpack_vector(packed, owner=OWNER)


@pytest.mark.parametrize("owner", [owner_digest("m-2", "schema"), owner_digest("m-1", "other")])
def test_a_vector_of_another_model_or_schema_is_refused(owner: bytes) -> None:
    with pytest.raises(ArtefactError, match="another model"):
        unpack_vector(pack_vector(VECTOR, owner=OWNER), owner=owner)


@pytest.mark.parametrize(
    "vector",
    [
        np.array([np.nan], dtype=np.float32),
        np.array([np.inf], dtype=np.float32),
        np.zeros((2, 2), dtype=np.float32),
        np.zeros(2),
    ],
)
def test_what_is_no_finite_float32_vector_cannot_be_packed(vector: np.ndarray) -> None:
    with pytest.raises(ArtefactError, match="cannot pack"):
        pack_vector(vector, owner=OWNER)
