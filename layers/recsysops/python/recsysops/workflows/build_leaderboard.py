"""The leaderboard of a data set: random, three popularities and the model we serve."""

from __future__ import annotations

from recsysops.learning.leaderboard import Leaderboard, compare_models
from recsysops.learning.table import align_rows
from recsysops.model.interactions import Dataset
from recsysops.ports import Progress
from recsysops.workflows.steps import count_steps

_STEPS = 10


def build_leaderboard(
    dataset: Dataset, *, seed: int = 0, progress: Progress | None = None
) -> Leaderboard:
    """Compare the models in the data set's true time; the same seed gives the same table.

    Raises: BadData when the data set has no usable rows.
    """
    table = align_rows(dataset.interactions, dataset.items)
    report = count_steps(progress, total=_STEPS)
    return compare_models(table, dataset=dataset.name, seed=seed, report=report)
