"""Packed sums become arrays, exactly, or are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.detection.cells import read_distributions, slice_of
from recsysops.errors import BadData

from tests.unit.detection.distributions import packed_row, rows


def test_sums_are_read_by_slice_subject_cell_and_group() -> None:
    [found] = read_distributions(
        [
            packed_row("reference", "year", "10", weights=[0, 2.5], value=4.0),
            packed_row("window", "year", "9", weights=[1.0]),
            packed_row("window", "year", "none", weights=[0, 0, 3.0]),
        ]
    )
    assert (found.subject, found.slice, found.cells) == ("year", {}, ("9", "10", "none"))
    assert found.reference.groups[1, 1] == 2.5
    assert found.reference.values[1, 1] == 10.0
    assert found.reference.weights.tolist() == [0.0, 2.5, 0.0]
    assert found.window.weights.tolist() == [1.0, 0.0, 3.0]
    assert found.window.whole[[0, 2]].tolist() == [1.0, 3.0]


def test_a_value_may_contain_an_equals_sign() -> None:
    [found] = read_distributions([packed_row("window", "language", "x=y", weights=[1.0])])
    assert (found.subject, found.cells) == ("language", ("x=y",))
    assert slice_of("genre=a=b") == {"genre": "a=b"}


@given(
    st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=32, max_size=32),
    st.floats(-1e3, 1e3),
)
def test_packing_keeps_every_bit(weights: list[float], value: float) -> None:
    made = packed_row("window", "s", "c", weights=weights, value=value)
    if not made["groups"]:
        return
    [found] = read_distributions([made])
    assert found.window.groups[0].tolist() == weights
    assert found.window.values[0].tolist() == [w * value for w in weights]


@pytest.mark.parametrize(
    "broken",
    [
        {"groups": "0:1"},
        {"groups": "0:1 1:1:1:1"},
        {"groups": "0:1:1  1:1:1"},
        {"groups": "0:1:1\n1:1:1"},
        {"groups": " ".join(f"{group}:1:1" for group in range(33))},
        {"groups": "x:1:1"},
        {"groups": "32:1:1"},
        {"groups": "-1:1:1"},
        {"groups": "0.5:1:1"},
        {"groups": "0:1,1:1"},
        {"groups": "0:null:1"},
        {"groups": "0:[1]:1"},
        {"groups": "0:true:1"},
        {"groups": '0:"1":1'},
        {"groups": None},
        {"groups": "0:inf:0.0"},
        {"groups": "0:NaN:0.0"},
        {"n": None},
    ],
)
def test_a_row_of_another_shape_or_with_infinite_sums_is_refused(broken: dict[str, object]) -> None:
    row = {**packed_row("window", "s", "c", weights=[1.0]), **broken}
    with pytest.raises(BadData):
        read_distributions([row])


@pytest.mark.parametrize("spelled", ["inf", "-inf", "nan", "-nan", "Infinity", "-Infinity", "NaN"])
def test_infinite_sums_are_called_so_however_the_engine_spells_them(spelled: str) -> None:
    row = {**packed_row("window", "s", "c", weights=[1.0]), "groups": f"0:1.0:{spelled}"}
    with pytest.raises(BadData, match="infinite or missing"):
        read_distributions([row])


def test_cells_can_be_picked_and_windows_be_set_against_another_reference() -> None:
    known, new = read_distributions(
        [
            *rows({"a": (10, 0), "b": (5, 5)}, subject="s"),
            *rows({"b": (0, 7), "c": (0, 1)}, subject="s", slice_name="model=m-2"),
        ]
    )
    assert known.only("b").window.weights.tolist() == [5.0]
    joined = known.with_window_of(new)
    assert joined.cells == ("a", "b", "c")
    assert joined.slice == {"model": "m-2"}
    assert joined.reference.weights.tolist() == [10.0, 5.0, 0.0]
    assert joined.window.weights.tolist() == pytest.approx([0.0, 7.0, 1.0])


def test_many_sightings_of_an_item_are_one_item() -> None:
    thirty = [1 / 3] * 30  # three snapshots, each a third of the requests, ten items each
    row = {**packed_row("window", "s", "c", weights=thirty), "ww": 30 / 9, "n": 30}
    [found] = read_distributions([row])
    assert found.window.effective == pytest.approx(10.0)
    assert np.isclose(found.window.weights.sum(), 10.0)
