from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recsysops.datasets.vector_file import read_vector_file
from recsysops.errors import BadData


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path / "v.npz", **arrays)
    return path / "v.npz"


def test_a_file_comes_back_as_float32_with_text_ids(tmp_path: Path) -> None:
    path = saved(tmp_path, ids=np.array([7, 8]), vectors=[[1, 2], [3, 4]], bias=[0.5, 0.25])
    found = read_vector_file(path)
    assert found.ids == ("7", "8")
    assert found.vectors.dtype == np.float32
    assert found.vectors.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.bias is not None
    assert found.bias.tolist() == [0.5, 0.25]


def test_a_bias_is_optional(tmp_path: Path) -> None:
    assert read_vector_file(saved(tmp_path, ids=["a"], vectors=[[1.0]])).bias is None


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"ids": ["a"]}, "array 'vectors' is missing; it has"),
        ({"ids": ["a"], "vectors": [["x"]]}, "vectors must be numbers"),
        ({"ids": ["a"], "vectors": np.array([object()])}, "pickled"),
    ],
)
def test_another_shape_of_file_is_refused(
    tmp_path: Path, arrays: dict[str, object], said: str
) -> None:
    with pytest.raises(BadData, match=said):
        read_vector_file(saved(tmp_path, **arrays))


@pytest.mark.parametrize("body", [b"", b"no zip", b"PK\x03\x04garbage", b"\x93NUMPY\x01\x00v"])
def test_a_garbled_or_missing_file_is_one_line(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "garbled.npz"
    path.write_bytes(body)
    for given in (path, tmp_path / "missing.npz"):
        with pytest.raises(BadData) as caught:
            read_vector_file(given)
        assert str(given) in str(caught.value)
