"""What fault files may name is what a served day has, and whatever they may do can be done."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from recsysops.request_log.tables import TABLES
from recsysops.simulation.gauntlet.columns import Columns, count_rows, take_rows
from recsysops.simulation.gauntlet.corruptions import ActiveFault
from recsysops.simulation.gauntlet.fault_file import Expected, FaultFile, Scale, Step
from recsysops.simulation.gauntlet.fault_tables import (
    BY,
    Deed,
    Kind,
    Table,
    check_where,
    columns_of,
)
from recsysops.simulation.gauntlet.lake_tables import to_arrow
from recsysops.simulation.gauntlet.linear_model import Model
from recsysops.simulation.gauntlet.log_day import log_day
from recsysops.simulation.gauntlet.made_up_world import make_simulated_world
from recsysops.simulation.gauntlet.responses import Taste
from recsysops.simulation.gauntlet.serve_day import serve_day
from recsysops.simulation.gauntlet.training import train_now
from recsysops.simulation.gauntlet.upstream import first_morning
from recsysops.simulation.gauntlet.world import World

_TABLES = get_args(Table)
_WITHOUT_EFFECT = {
    "items": {"row", "quality"},  # who an item is, and how good: the truth of a world
    "item_snapshots": {"simulated"},  # no entries
    "model_profiles": {"dt"},
}
_DESCRIBED = ("plays", "item_vectors", "member_vectors")
"""Tables most of whose columns only say whose row it is."""
_VALUES = (0.0, 99.0, True, "de", "null", "nan", "empty", "median", "mode", "pick")


@pytest.fixture(scope="module")
def world() -> World:
    return make_simulated_world(1)


@pytest.fixture(scope="module")
def tables(world: World) -> dict[str, Columns]:
    """Every table of one day, as a fault meets it."""
    seen: dict[str, Columns] = {}

    def look(table: str, columns: Columns) -> Columns:
        seen[table] = columns
        return columns

    morning = first_morning(world)
    model: Model = train_now(world, morning, version=1, corrupt=look)
    served = serve_day(world, morning, model, corrupt=look)
    return seen | log_day(world, Taste(world), served).tables


def test_the_declared_columns_are_those_of_a_served_day_that_matter(
    tables: dict[str, Columns],
) -> None:
    for table in _TABLES:
        there = tables[table].keys() - _WITHOUT_EFFECT.get(table, set())
        if table in TABLES:
            # what the record lacks is not written; slate_length is how long its lists are
            there &= TABLES[table].model_fields.keys() | {"slate_length"}
        declared = columns_of(table).keys()
        assert declared == (there & declared if table in _DESCRIBED else there), table


def test_every_step_that_is_not_refused_can_be_carried_out(
    world: World, tables: dict[str, Columns]
) -> None:
    for table in _TABLES:
        # every hundredth row: rare values too, and what a thousand steps do to them is quick
        some = np.arange(0, count_rows(tables[table]), 100)
        rows = take_rows(tables[table], some)
        for step in _accepted(table):
            changed = _active(step, world).corrupt(table, rows)
            kept = count_rows(changed) == count_rows(rows)
            assert kept or step.do in ("drop", "duplicate", "cut_day"), step
            if table in TABLES:
                to_arrow(table, changed, ingest_day=world.first_day)


def _active(step: Step, world: World) -> ActiveFault:
    fault = FaultFile(
        name="any",
        happens="whatever is not refused",
        steps=(step,),
        magnitude=Scale(audit="a", metric="m"),
        expected=Expected(component=("log",)),
    )
    return ActiveFault(fault, 0.5, world)


def test_rows_can_be_chosen_by_every_text_and_flag(tables: dict[str, Columns]) -> None:
    choosing: tuple[Kind, ...] = ("text", "names", "flag", "maybe")
    for table in _TABLES:
        for name, kind in columns_of(table).items():
            if kind in choosing:
                check_where(table, {name: kind in ("flag", "maybe") or "de"})


def _accepted(table: Table) -> Iterator[Step]:
    names = list(columns_of(table))
    for deed in get_args(Deed):
        pairs = combinations(names, 2) if deed == "swap" else ()
        by = {"by": "size"} if deed in BY else {}
        for columns in [(), *((name,) for name in names), *pairs]:
            for value in _VALUES if deed == "fill" else (None,):
                step = {"on": table, "do": deed, "columns": columns, "value": value, **by}
                with suppress(ValueError):
                    yield Step.model_validate({**step, "share": "size"})
