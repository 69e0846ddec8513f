"""Arrays are mapped from files of the process's own, and the files go when they are not needed."""

from __future__ import annotations

import gc
import io
from pathlib import Path

import numpy as np
import pytest
from recsysops.adapters.mapped_arrays import MappedArrays
from recsysops.model.artefact import unpack_artefact
from recsysops.model.catalogue import assemble_catalogue, private_copy
from recsysops.model.delta import unpack_delta

from tests.fakes.served_world import make_artefact_files, make_delta, make_items

ITEMS = make_items(12)
FILES = make_artefact_files(ITEMS)
PLAIN = unpack_artefact(FILES)
DELTA = unpack_delta(*make_delta(PLAIN, ITEMS))


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_an_array_is_a_read_only_map_of_a_file_only_this_user_can_reach(folder: Path) -> None:
    arrays = MappedArrays()
    placed = arrays.place(npy(np.arange(6.0).reshape(2, 3)))
    assert isinstance(placed, np.memmap)
    assert placed.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert not placed.flags.writeable
    (own,) = folder.iterdir()
    assert own.stat().st_mode & 0o077 == 0


def test_a_file_goes_with_its_array_and_the_folder_with_the_last(folder: Path) -> None:
    arrays = MappedArrays()
    placed = arrays.place(npy(np.zeros(3)))
    (own,) = folder.iterdir()
    del placed
    gc.collect()
    assert list(own.iterdir()) == []
    del arrays
    gc.collect()
    assert not own.exists()


def test_without_room_on_the_disk_the_array_is_in_memory(folder: Path) -> None:
    folder.rmdir()
    placed = MappedArrays().place(npy(np.arange(3)))
    assert not isinstance(placed, np.memmap)
    assert placed.tolist() == [0, 1, 2]


def test_bytes_that_are_no_array_leave_no_file(folder: Path) -> None:
    arrays = MappedArrays()
    with pytest.raises(ValueError, match="pickled"):
        arrays.place(b"no array at all")
    (own,) = folder.iterdir()
    assert list(own.iterdir()) == []


def test_a_catalogue_of_a_mapped_artefact_is_the_same_and_its_writes_stay_its_own() -> None:
    arrays = MappedArrays()
    mapped = unpack_artefact(FILES, place_matrix=arrays.place)
    catalogue = assemble_catalogue(mapped, DELTA)
    assert catalogue.matrix.tobytes() == assemble_catalogue(PLAIN, DELTA).matrix.tobytes()
    assert type(catalogue.matrix) is np.ndarray
    catalogue.matrix[4] = 7.0
    other = assemble_catalogue(mapped, DELTA)
    assert other.matrix.tobytes() == PLAIN.item_matrix.tobytes()
    assert mapped.item_matrix.tobytes() == PLAIN.item_matrix.tobytes()


def test_a_private_copy_shares_the_file_and_outlives_it() -> None:
    arrays = MappedArrays()
    placed = arrays.place(FILES["item_matrix.npy"])
    copy = private_copy(placed)
    assert isinstance(copy.base, np.memmap)
    del placed, arrays
    gc.collect()
    assert copy.tobytes() == PLAIN.item_matrix.tobytes()


def test_a_map_whose_file_was_cleaned_up_is_copied_from_memory() -> None:
    placed = MappedArrays().place(FILES["item_matrix.npy"])
    Path(str(placed.filename)).unlink(missing_ok=True)
    copy = private_copy(placed)
    copy[0] = 0.0
    assert copy[1:].tobytes() == PLAIN.item_matrix[1:].tobytes()
