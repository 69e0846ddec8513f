"""What each primitive corruption does to a table, by hand."""

import numpy as np
import pytest
from recsysops.errors import BadInput
from recsysops.simulation.gauntlet.columns import Columns, as_lists, as_texts
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.fault_file import Expected, FaultFile, Scale, Step
from recsysops.simulation.gauntlet.made_up_world import make_simulated_world
from recsysops.simulation.gauntlet.world import World

HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def world() -> World:
    return make_simulated_world(1)


def _fault(*, size: float = 1.0, world: World, **step: object) -> ActiveFault:
    # not validated: the small table of these tests has columns of several tables
    fault = FaultFile.model_construct(
        name="made_here",
        happens="whatever the test says",
        steps=(Step.model_construct(on="items", **step),),
        magnitude=Scale(audit="a", metric="m"),
        expected=Expected(component=("item_features",)),
    )
    return ActiveFault(fault, size, world)


def _items(count: int = 4) -> Columns:
    return {
        "price": np.arange(1.0, count + 1.0),
        "year": np.arange(2001.0, 2001.0 + count),
        "language": as_texts([["en", "de"][row % 2] for row in range(count)]),
        "genres": as_lists([("Drama",)] * count),
        "shown": np.arange(2 * count).reshape(count, 2),
        "event_time": np.full(count, 23 * HOUR),
    }


def _after(world: World, items: Columns | None = None, **step: object) -> Columns:
    return _fault(world=world, **step).corrupt("items", _items() if items is None else items)


@pytest.mark.parametrize(
    ("step", "column", "becomes"),
    [
        ({"do": "fill", "value": 0.0}, "price", [0, 2, 0, 4]),
        ({"do": "fill", "value": "median"}, "price", [2.5, 2, 2.5, 4]),
        ({"do": "scale", "by": 0.01}, "price", [0.01, 2, 0.03, 4]),
        ({"do": "add", "by": 10}, "price", [11, 2, 13, 4]),
    ],
)
def test_only_matching_rows_change(
    world: World, step: dict[str, object], column: str, becomes: list[float]
) -> None:
    changed = _after(world, columns=[column], where={"language": "en"}, **step)
    assert changed[column].tolist() == becomes


def test_the_given_columns_stay_as_they_were(world: World) -> None:
    items = _items()
    _after(world, items, do="fill", columns=["price"], value=0.0)
    assert items["price"].tolist() == [1, 2, 3, 4]


def test_null_is_none_for_texts_and_nan_for_numbers(world: World) -> None:
    changed = _after(world, do="fill", columns=["language", "year"], value="null")
    assert changed["language"].tolist() == [None] * 4
    assert np.isnan(changed["year"]).all()


def test_lists_can_be_emptied_and_turned_round(world: World) -> None:
    assert (
        _after(world, do="fill", columns=["genres"], value="empty")["genres"].tolist() == [()] * 4
    )
    turned = _after(world, do="reverse", columns=["shown"])["shown"]
    assert turned.tolist() == [[1, 0], [3, 2], [5, 4], [7, 6]]


def test_columns_change_places(world: World) -> None:
    swapped = _after(world, do="swap", columns=["year", "price"], where={"language": "de"})
    assert swapped["price"].tolist() == [1, 2002, 3, 2004]
    assert swapped["year"].tolist() == [2001, 2, 2003, 4]


def test_rows_go_come_twice_and_become_one_members(world: World) -> None:
    where = {"language": "en"}
    assert _after(world, do="drop", where=where)["price"].tolist() == [2, 4]
    assert _after(world, do="duplicate", where=where)["price"].tolist() == [1, 1, 2, 3, 3, 4]
    assert _after(world, do="crowd", columns=["price"], where=where)["price"].tolist() == [
        1, 2, 1, 4,
    ]  # fmt: skip


def test_clocks_turn_within_their_day_and_rows_arrive_late(world: World) -> None:
    turned = _after(world, do="turn_clock", columns=["event_time"], by=3)["event_time"]
    assert turned.tolist() == [2 * HOUR] * 4
    assert _after(world, do="delay", by=1)["dt"].tolist() == ["1970-01-02"] * 4


def test_a_lost_stretch_begins_at_noon(world: World) -> None:
    items = _items(24) | {"event_time": np.arange(24) * HOUR}
    kept = _after(world, items, do="cut_day", by=0.25)["event_time"] // HOUR
    assert kept.tolist() == [*range(12), *range(18, 24)]


def test_a_share_hits_the_same_rows_every_day_and_about_so_many(world: World) -> None:
    fault = _fault(world=world, size=0.25, do="fill", columns=["price"], value=0.0, share="size")
    first, longer = (
        fault.corrupt("items", _items(count))["price"] == 0.0 for count in (4_000, 4_100)
    )
    assert (first == longer[:4_000]).all()
    assert 900 <= first.sum() <= 1_100


def test_a_picked_value_is_the_same_in_steps_and_expectation(world: World) -> None:
    fault = _fault(world=world, do="drop", where={"language": "pick"})
    expected = fault.fault.model_copy(
        update={"expected": fault.fault.expected.model_copy(update={"slice": {"language": "pick"}})}
    )
    picked = ActiveFault(expected, 1.0, world).slice["language"]
    assert picked == fault.pick("language")
    assert picked in world.categories["language"]


def test_a_column_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(BadInput, match="no column 'colour'"):
        _after(world, do="fill", columns=["colour"], value=0.0)
    with pytest.raises(BadInput, match="no column 'colour'"):
        _after(world, do="drop", where={"colour": "red"})


def test_tables_that_no_step_names_come_back_as_they_are(world: World) -> None:
    plays = {"plays": np.ones(3)}
    assert _fault(world=world, do="drop").corrupt("plays", plays) is plays
