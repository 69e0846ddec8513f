"""Arrays in files of this process's own, mapped into memory.

A catalogue of the same model then needs no copy of the matrix of its own, only of the pages it
changes, and what nobody reads may leave memory.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray


class MappedArrays:
    """Places arrays in a folder that only this user may enter, and that goes with this object."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def place(self, body: bytes) -> NDArray[Any]:
        """Write an .npy file and map it, read-only; the file goes when the array does.

        Without room on the disk the array is read into memory. The caller has checked the bytes;
        the file is not checked again, as nobody else can have written to it.

        Raises: ValueError when the bytes are no array.
        """
        try:
            path = self._write(body)
        except OSError:
            return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]
        try:
            mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:
            path.unlink()
            raise
        finalize(mapped, path.unlink, missing_ok=True)
        return mapped

    def _write(self, body: bytes) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="recsysops-"))
            finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        number, name = tempfile.mkstemp(suffix=".npy", dir=self._folder)
        path = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(body)
        except OSError:
            path.unlink()
            raise
        return path
