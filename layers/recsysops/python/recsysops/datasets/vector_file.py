"""Reads a model that somebody else trained: an .npz with `ids`, `vectors` and maybe `bias`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsysops.errors import BadData
from recsysops.model.vector_set import VectorSet


def read_vector_file(path: Path) -> VectorSet:
    """Read ids (n,), vectors (n, d) and, when there is one, bias (n,), as float32.

    Numbers that float32 cannot hold become infinite and are refused by the conversion.

    Raises: BadData in one line when it is no such file.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file):  # np.load reads other files too
            file.seek(0)
            with np.load(file, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BadData(f"{path}: no .npz file without pickled objects ({error})") from error
    missing = [name for name in ("ids", "vectors") if name not in arrays]
    if missing:
        raise BadData(f"{path}: array {missing[0]!r} is missing; it has {sorted(arrays)}")
    bias = arrays.get("bias")
    return VectorSet(
        ids=tuple(str(one) for one in arrays["ids"].tolist()),
        vectors=_as_float32(arrays["vectors"], path),
        bias=None if bias is None else _as_float32(bias, path),
    )


def _as_float32(array: NDArray[Any], path: Path) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiu":
        raise BadData(f"{path}: vectors must be numbers, these are {array.dtype}")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
