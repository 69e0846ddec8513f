from __future__ import annotations

from datetime import timedelta
from threading import Barrier

import pytest
from recsysops.adapters.memory import MemoryBlobs
from recsysops.errors import ArtefactError, FlagError
from recsysops.model.artefact import artefact_key
from recsysops.model.delta import POINTER_KEY, delta_key
from recsysops.serving.flag_document import (
    build_flag_document,
    dump_flag_document,
    flag_document_key,
)
from recsysops.workflows.load_catalogue import (
    CatalogueCache,
    DeltaPointer,
    dump_delta_pointer,
    load_artefact,
    read_delta_pointer,
)

from tests.fakes.served_world import AS_OF, NOW, make_world
from tests.fakes.small_catalogue import make_hotfix

WORLD = make_world(30)
MODEL, DELTA = WORLD.artefact.model_id, WORLD.delta_id


class CountingBlobs(MemoryBlobs):
    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(objects)
        self.asked: list[str] = []

    def get(self, key: str) -> bytes:
        self.asked.append(key)
        return super().get(key)


def test_a_catalogue_is_fetched_once_and_kept() -> None:
    blobs = CountingBlobs(WORLD.blobs.objects)
    cache = CatalogueCache(blobs)
    assert cache.load(MODEL, DELTA) is cache.load(MODEL, DELTA)
    assert sorted(blobs.asked) == sorted(
        [artefact_key(MODEL, name) for name in
         ("manifest.json", "item_ids.npy", "item_matrix.npy", "play_counts.npy")]
        + [delta_key(DELTA)]
    )  # fmt: skip


class TogetherBlobs(MemoryBlobs):
    """Answers nobody before everybody has asked."""

    def __init__(self, objects: dict[str, bytes], *, together: int) -> None:
        super().__init__(objects)
        self.everybody = Barrier(together, timeout=5.0)

    def get(self, key: str) -> bytes:
        self.everybody.wait()
        return super().get(key)


def test_the_files_of_a_model_and_the_snapshot_are_fetched_side_by_side() -> None:
    cache = CatalogueCache(TogetherBlobs(WORLD.blobs.objects, together=5))
    plain = CatalogueCache(WORLD.blobs).load(MODEL, DELTA)
    assert cache.load(MODEL, DELTA).matrix.tobytes() == plain.matrix.tobytes()


def test_what_is_wrong_with_the_model_is_told_before_the_snapshot() -> None:
    cache = CatalogueCache(MemoryBlobs())
    with pytest.raises(ArtefactError, match=r"manifest\.json is missing"):
        cache.load(MODEL, DELTA)


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    blobs = CountingBlobs(WORLD.blobs.objects)
    cache = CatalogueCache(blobs, capacity=1)
    blobs.objects.update(other := make_world(30, seed=3).blobs.objects)
    others = make_world(30, seed=3)
    assert other
    first = cache.load(MODEL, DELTA)
    cache.load(others.artefact.model_id, others.delta_id)
    again = cache.load(MODEL, DELTA)
    assert first is not again
    assert first.matrix.tobytes() == again.matrix.tobytes()


def test_hotfixed_catalogues_are_kept_by_content_not_by_name() -> None:
    cache = CatalogueCache(WORLD.blobs)

    def fix(language: str) -> object:
        params = {"feature": "language", "values": {"i0001": language}}
        return make_hotfix("override_feature", params)

    plain = cache.load(MODEL, DELTA)
    one = cache.load(MODEL, DELTA, [fix("fr")])  # type: ignore[list-item]
    assert cache.load(MODEL, DELTA, [fix("fr")]) is one  # type: ignore[list-item]
    other = cache.load(MODEL, DELTA, [fix("ja")])  # type: ignore[list-item]
    assert [c.items[1].language for c in (one, other)] == ["fr", "ja"]
    assert cache.load(MODEL, DELTA, [make_hotfix("block_items", {"item_ids": ()})]) is plain


@pytest.mark.parametrize("name", ["manifest.json", "item_matrix.npy"])
def test_a_missing_file_is_one_clear_line(name: str) -> None:
    objects = {k: v for k, v in WORLD.blobs.objects.items() if not k.endswith(name)}
    with pytest.raises(ArtefactError, match=f"{name} is missing") as caught:
        CatalogueCache(MemoryBlobs(objects)).load(MODEL, DELTA)
    assert "\n" not in str(caught.value)


def test_an_artefact_in_the_folder_of_another_is_refused() -> None:
    moved = {key.replace(MODEL, "m-moved"): body for key, body in WORLD.blobs.objects.items()}
    with pytest.raises(ArtefactError, match="folder of m-moved holds"):
        load_artefact(MemoryBlobs(moved), "m-moved")


def test_a_pointer_comes_back_and_a_missing_one_is_an_error() -> None:
    pointer = DeltaPointer("d-1", AS_OF, "m-1")
    blobs = MemoryBlobs({POINTER_KEY: dump_delta_pointer(pointer)})
    assert read_delta_pointer(blobs) == pointer
    with pytest.raises(ArtefactError, match=r"delta\.json is missing"):
        read_delta_pointer(MemoryBlobs())


def test_flag_documents_are_found_by_version_and_checked() -> None:
    fix = make_hotfix("block_items", {"item_ids": ("i1",)}, expires_at=NOW + timedelta(1))
    document = build_flag_document([fix])
    text = dump_flag_document(document).encode()
    blobs = MemoryBlobs({flag_document_key(document.version): text, "flags/other.json": text})
    cache = CatalogueCache(blobs)
    assert cache.flag_document(document.version) == document
    with pytest.raises(FlagError, match="holds the document"):
        cache.flag_document("other")
    with pytest.raises(FlagError, match="cannot be read"):
        cache.flag_document("missing")
