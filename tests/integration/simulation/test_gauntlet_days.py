"""A day of a made world: what it holds, and that a fault upstream reaches what is logged."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from recsysops.request_log.schema import glue_columns
from recsysops.request_log.tables import TABLES
from recsysops.simulation.gauntlet.columns import Columns
from recsysops.simulation.gauntlet.lake_tables import to_arrow
from recsysops.simulation.gauntlet.linear_model import encode_content, train_model
from recsysops.simulation.gauntlet.log_day import LoggedDay, log_day
from recsysops.simulation.gauntlet.made_up_world import make_simulated_world
from recsysops.simulation.gauntlet.responses import Taste
from recsysops.simulation.gauntlet.serve_day import Corrupt, leave_alone, serve_day
from recsysops.simulation.gauntlet.slates import SLATE
from recsysops.simulation.gauntlet.upstream import first_morning, next_morning
from recsysops.simulation.gauntlet.world import World


@dataclass(frozen=True)
class Made:
    world: World
    quiet: LoggedDay
    again: Callable[[Corrupt], LoggedDay]


@pytest.fixture(scope="module")
def made() -> Made:
    world = make_simulated_world(4)
    taste = Taste(world)
    model = train_model(world, version=0, trained_on=world.first_day)

    def make(corrupt: Corrupt) -> LoggedDay:
        return log_day(world, taste, serve_day(world, first_morning(world), model, corrupt=corrupt))

    return Made(world, make(leave_alone), make)


def test_a_day_has_twenty_thousand_requests_and_only_declared_columns(made: Made) -> None:
    assert len(made.quiet.tables["slim_requests"]["request_id"]) >= 20_000
    for table, columns in made.quiet.tables.items():
        rows = to_arrow(table, columns, ingest_day=made.world.first_day)
        declared = [name for name, _ in glue_columns(TABLES[table])]
        assert rows.column_names == [*declared, "dt"]
        assert rows.num_rows > 0


def test_the_same_seed_makes_the_same_day(made: Made) -> None:
    repeated = made.again(leave_alone).tables["slim_requests"]
    assert (repeated["shown"] == made.quiet.tables["slim_requests"]["shown"]).all()


def test_contributions_sum_to_the_score(made: Made) -> None:
    full = made.quiet.tables["full_requests"]
    contributions = full["contributions"].reshape(len(full["limit"]), -1, 5)
    np.testing.assert_allclose(contributions.sum(axis=2), full["scores"], atol=1e-4)


def test_propensities_are_those_of_one_explored_slot_in_ten_requests(made: Made) -> None:
    slim = made.quiet.tables["slim_requests"]
    explored = slim["arm"] == "explore"
    assert explored.mean() == pytest.approx(0.1, abs=0.01)
    greedy = np.unique(slim["propensities"][~explored].round(6)).tolist()
    assert greedy in ([1.0 - 0.1 / SLATE], [1.0 - 0.1 / SLATE, 1.0])


def test_full_records_are_as_many_as_their_probabilities_say(made: Made) -> None:
    slim = made.quiet.tables["slim_requests"]
    expected = slim["inclusion_probability"].sum()
    assert abs(slim["full"].sum() - expected) < 4.0 * np.sqrt(expected)


def test_every_launch_of_the_week_is_ranked_and_stands_last_without_its_bias(made: Made) -> None:
    ranks = made.quiet.tables["launch_ranks"]
    out = made.world.items["launch_day"] == made.world.first_day.toordinal()
    assert sorted(ranks["item_id"]) == sorted(made.world.item_ids[out])
    assert set(ranks["age_days"]) == {0}
    assert ((ranks["rank_percentile"] > 0.05) & (ranks["rank_percentile"] < 0.95)).all()

    def bury(table: str, columns: Columns) -> Columns:
        if table != "item_vectors":
            return columns
        buried = np.where(columns["is_launch"], -99.0, columns["popularity"])
        return columns | {"popularity": buried}

    last = made.again(bury).tables["launch_ranks"]["rank_percentile"]
    assert (last > 0.99).all()
    assert (last < 1.0).all()


def test_a_lost_year_upstream_empties_the_year_block_of_what_is_shown(made: Made) -> None:
    def lose_years(table: str, columns: Columns) -> Columns:
        return columns | {"year": np.zeros(len(columns["row"]))} if table == "items" else columns

    full = made.again(lose_years).tables["full_requests"]
    year = full["contributions"].reshape(len(full["limit"]), -1, 5)[:, :, 1]
    before = made.quiet.tables["full_requests"]["contributions"].reshape(-1, 5)[:, 1]
    assert (year == 0.0).all()
    assert (before != 0.0).mean() > 0.5


def test_nights_move_few_prices_and_keep_most_in_stock(made: Made) -> None:
    morning = first_morning(made.world)
    later = next_morning(made.world, morning, played=made.quiet.played)
    ratio = later.items["price"] / morning.items["price"]
    assert np.abs(np.log(ratio)).max() < 0.15
    assert (later.items["in_stock"] == True).mean() > 0.9  # noqa: E712 - a column of objects
    assert set(later.items["batch"]) == {made.world.date_of(1).isoformat()}


def test_missing_values_encode_to_zeros(made: Made) -> None:
    items = {name: column[:3] for name, column in made.world.items.items()}
    items["year"] = np.array([np.nan, 0.0, 1990.0])
    items["language"] = np.array([None, "xx", "en"], dtype=object)
    encoded = encode_content(items, made.world.vocabulary)
    genre_width, year_width, _ = made.world.vocabulary.widths
    years = encoded[:, genre_width : genre_width + year_width]
    assert years.sum(axis=1).tolist() == [0.0, 0.0, 1.0]
    assert encoded[:, genre_width + year_width :].sum(axis=1).tolist() == [0.0, 0.0, 1.0]
    np.testing.assert_allclose(encoded[:, :genre_width].sum(axis=1), 1.0, rtol=1e-6)
