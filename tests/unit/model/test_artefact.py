from __future__ import annotations

import io
import json

import numpy as np
import pytest
from recsysops.errors import ArtefactError
from recsysops.model.artefact import unpack_artefact

from tests.fakes.served_world import ENCODER, make_artefact_files, make_items

ITEMS = make_items(20)
FILES = make_artefact_files(ITEMS)


def edited_manifest(**changes: object) -> bytes:
    return json.dumps({**json.loads(FILES["manifest.json"]), **changes}).encode()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_an_artefact_comes_back_as_it_was_packed() -> None:
    artefact = unpack_artefact(FILES)
    assert artefact.encoder == ENCODER
    assert artefact.item_ids.tolist() == [item.item_id for item in ITEMS]
    assert artefact.item_matrix.dtype == np.float32
    assert artefact.item_matrix[3, : ENCODER.content_width].tolist() == (
        ENCODER.encode(ITEMS[3]).tolist()
    )
    assert len(artefact.owner) == 8


def test_the_same_data_give_the_same_model_id_and_others_another() -> None:
    again, other = make_artefact_files(ITEMS), make_artefact_files(ITEMS, seed=1)
    named = [unpack_artefact(files).model_id for files in (FILES, again, other)]
    assert named[0] == named[1] != named[2]
    renoted = make_artefact_files(ITEMS, trained_by="somebody else")
    assert unpack_artefact(renoted).model_id != named[0]


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(ArtefactError, match=name):
        unpack_artefact({key: body for key, body in FILES.items() if key != name})


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if name.endswith(".npy")])
@pytest.mark.parametrize("place", [0, 40, -1])
def test_one_flipped_bit_in_an_array_is_refused_in_one_line(name: str, place: int) -> None:
    body = bytearray(FILES[name])
    body[place] ^= 1
    with pytest.raises(ArtefactError, match=f"{name} does not match its hash") as caught:
        unpack_artefact({**FILES, name: bytes(body)})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        FILES["manifest.json"][:-20],
        edited_manifest(popularity_smoothing=0.25),
        edited_manifest(genres=["Drama"]),
        edited_manifest(files={}),
        edited_manifest(model_id="m-000000000000"),
        edited_manifest(popularity="none"),
    ],
)
def test_a_manifest_that_was_changed_is_refused_in_one_line(manifest: bytes) -> None:
    with pytest.raises(ArtefactError, match="manifest") as caught:
        unpack_artefact({**FILES, "manifest.json": manifest})
    assert "\n" not in str(caught.value)


def test_a_field_that_a_newer_writer_added_leaves_the_name_as_the_hash() -> None:
    raw = json.loads(FILES["manifest.json"])
    del raw["notes"]
    with pytest.raises(ArtefactError, match="does not hash"):
        unpack_artefact({**FILES, "manifest.json": json.dumps(raw).encode()})
    spaced = json.dumps(json.loads(FILES["manifest.json"]), indent=8).encode()
    assert unpack_artefact({**FILES, "manifest.json": spaced}).manifest.notes == {}


def test_arrays_of_another_shape_are_refused_though_their_hashes_fit() -> None:
    short = make_artefact_files(ITEMS, collaborative_width=3)
    with pytest.raises(ArtefactError, match="item_matrix is"):
        unpack_artefact(short)


def test_an_artefact_with_a_nan_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsysops.model.artefact import pack_artefact

    artefact = unpack_artefact(FILES)
    matrix = artefact.item_matrix.copy()
    matrix[2, 3] = np.nan
    kept = artefact.manifest.model_dump(exclude={"model_id", "schema_hash", "files"})
    files = pack_artefact(
        manifest=kept,
        item_ids=artefact.item_ids,
        item_matrix=matrix,
        play_counts=artefact.play_counts,
    )
    with pytest.raises(ArtefactError, match="item_matrix holds NaN"):
        unpack_artefact(files)
