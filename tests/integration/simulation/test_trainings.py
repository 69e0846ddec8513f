"""What a training learns from rows that a fault took hold of."""

import numpy as np
import pytest
from recsysops.simulation.gauntlet.columns import Columns, take_rows
from recsysops.simulation.gauntlet.linear_model import block_edges, train_model
from recsysops.simulation.gauntlet.made_up_world import make_simulated_world
from recsysops.simulation.gauntlet.serve_day import leave_alone
from recsysops.simulation.gauntlet.training import train_now
from recsysops.simulation.gauntlet.upstream import first_morning
from recsysops.simulation.gauntlet.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return make_simulated_world(1)


def _turn_japanese(table: str, columns: Columns) -> Columns:
    if table != "training_rows":
        return columns
    turned = np.where(columns["language"] == "ja", -1.0, 1.0)
    return {**columns, "label": columns["label"] * turned}


def _lose_japanese(table: str, columns: Columns) -> Columns:
    return take_rows(columns, columns["language"] != "ja") if table == "training_rows" else columns


def _ten_days_old(table: str, columns: Columns) -> Columns:
    return {"data_age_days": columns["data_age_days"] + 10} if table == "trainings" else columns


def test_a_training_without_a_fault_is_the_weekly_one_bit_for_bit(world: World) -> None:
    weekly = train_model(world, version=2, trained_on=world.first_day)
    trained = train_now(world, first_morning(world), version=2, corrupt=leave_alone)
    assert (trained.vectors == weekly.vectors).all()
    assert (trained.latent == weekly.latent).all()
    assert trained.model_id != weekly.model_id
    assert (trained.trained_on, trained.serves_from) == (world.first_day, world.first_day)


def test_turned_labels_of_a_language_turn_its_items_and_the_taste_for_it(world: World) -> None:
    clean = train_now(world, first_morning(world), version=2, corrupt=leave_alone)
    poisoned = train_now(world, first_morning(world), version=2, corrupt=_turn_japanese)
    japanese = world.items["language"] == "ja"
    taught = japanese & (world.items["launch_day"] == 0)
    assert (poisoned.latent[taught] == -clean.latent[taught]).all()
    assert (poisoned.latent[~japanese] == clean.latent[~japanese]).all()
    start = block_edges(world)[2]
    places = [start + world.vocabulary.languages.index(name) for name in ("ja", "en")]
    known = clean.vectors[:, places[0]] != 0
    ratios = poisoned.vectors[known][:, places] / clean.vectors[known][:, places]
    # a member without a Japanese row keeps what was known of it
    assert set(ratios[:, 0]) <= {-1.0, 1.0} and (ratios[:, 0] < 0).mean() > 0.5
    assert (ratios[:, 1] == 1.0).all()


def test_rows_that_are_lost_are_missing_among_the_plays_trained_on(world: World) -> None:
    model = train_now(world, first_morning(world), version=2, corrupt=_lose_japanese)
    assert model.rows_kept is not None
    japanese = (world.items["language"] == "ja") & (world.items["launch_day"] == 0)
    assert not model.rows_kept[japanese].any()
    assert (model.rows_kept[world.items["language"] != "ja"] == 1.0).all()


def test_a_training_on_an_old_copy_says_how_old_it_is(world: World) -> None:
    model = train_now(world, first_morning(world), version=2, corrupt=_ten_days_old)
    assert (model.serves_from - model.trained_on).days == 10
