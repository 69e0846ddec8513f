"""The browser of missed choices reads ranks with their items, and clusters cover them."""

import numpy as np
from recsysops.adapters.duckdb_lake import DuckDbLake
from recsysops.diagnosis.missed_choices import cluster_missed_choices
from recsysops.workflows.find_missed_choices import read_ranked_choices

from tests.fakes.audited_lake import NOW, WINDOW, Day, make_catalogue, write_day


def test_choices_come_with_their_items_and_clusters_cover_all_that_were_missed() -> None:
    rng = np.random.default_rng(3)
    with DuckDbLake(clock=lambda: NOW) as lake:
        items = make_catalogue(1_000, rng)
        write_day(lake, Day(WINDOW, requests=400, rank_factor=6.0), items, rng)
        found = read_ranked_choices(lake, WINDOW)
    assert len(found) > 50
    titles = {item.item_id: item.title for item in items}
    assert all(choice.title == titles[choice.item_id] for choice in found)
    assert all(choice.genres and choice.popularity is not None for choice in found)
    missed = sum(choice.weight for choice in found if choice.is_missed)
    clusters = cluster_missed_choices(found)
    assert missed > 0
    assert sum(cluster.missed for cluster in clusters) >= missed * 0.999
