"""A dry run of a launch: the item scored as the model would score it a week after launch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from recsysops.model.artefact import ModelArtefact
from recsysops.model.catalogue import Catalogue, popularity_bias
from recsysops.model.delta import DeltaSnapshot
from recsysops.model.kernel import Float32Array, Float64Array
from recsysops.prediction.first_week import WEEK_DAYS
from recsysops.prediction.panel import Panel, find_frontier, score_item, share_in_top
from recsysops.prediction.stage import TOP_K, Stage
from recsysops.vocabulary import ItemFeatures, UpcomingLaunch

LOW_QUANTILE, HIGH_QUANTILE = 0.05, 0.95
PLAY_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Cases of the first week that forecasts of harm are averaged over."""


@dataclass(frozen=True, slots=True)
class LaunchDryRun:
    """Forecast shares of the panel with the item in the top k.

    share: at the expected first week; low, high: at its 5 % and 95 % quantiles, before any
    calibration.
    """

    item_id: str
    model_id: str
    share: float
    low: float
    high: float


def dry_run_launch(stage: Stage, launch: UpcomingLaunch) -> LaunchDryRun:
    """Forecast one launch on its stage."""
    low, share, high = forecast_shares(
        stage,
        launch,
        item=launch.item,
        truth=launch.item,
        quantiles=(LOW_QUANTILE, 0.5, HIGH_QUANTILE),
    ).tolist()
    return LaunchDryRun(
        item_id=launch.item.item_id,
        model_id=stage.catalogue.model_id,
        share=share,
        low=low,
        high=high,
    )


def forecast_shares(
    stage: Stage,
    launch: UpcomingLaunch,
    *,
    item: ItemFeatures,
    truth: ItemFeatures,
    quantiles: Sequence[float] = PLAY_QUANTILES,
) -> Float64Array:
    """Return expected shares a week after launch, (quantiles,).

    The model scores the metadata `item`; plays are expected from `truth`, because members choose
    the item for what it is. With one truth, two forecasts differ by the metadata alone.
    """
    first_week = stage.expectations.first_week
    plays = [
        first_week.decayed_plays(
            log_plays, age_days=WEEK_DAYS, half_life_days=stage.delta.half_life_days
        )
        for log_plays in first_week.predict_cases(
            truth, launch.anticipation, quantiles=quantiles
        ).tolist()
    ]
    return shares_with_plays(stage, item=item, decayed_plays=np.array(plays))


def shares_with_plays(
    stage: Stage, *, item: ItemFeatures, decayed_plays: Float64Array
) -> Float64Array:
    """Return the share of an item under each row of decayed plays (cases, half-lives)."""
    vector = _expected_vector(stage, item)
    row = stage.catalogue.row_of[item.item_id]
    biases = _biases_of_plays(stage.artefact, stage.delta, decayed_plays)
    scores = score_item(stage.catalogue, stage.panel, vector, biases=biases)
    return np.array([share_in_top(stage.frontier, case, row=row) for case in scores])


def shadow_shares(
    catalogue: Catalogue, panel: Panel, item_ids: Sequence[str], *, as_of: datetime, k: int = TOP_K
) -> dict[str, float]:
    """Return today's share of each item: scored today, with today's plays, as if launched today.

    This is the forecast to beat: that nothing changes.
    """
    frontier = find_frontier(
        catalogue, panel, bias=catalogue.bias, eligible=catalogue.launched(as_of), k=k
    )
    shares = {}
    for item_id in item_ids:
        row = catalogue.row_of[item_id]
        own_bias = catalogue.bias[row : row + 1]
        scores = score_item(catalogue, panel, catalogue.matrix[row], biases=own_bias)
        shares[item_id] = share_in_top(frontier, scores[0], row=row)
    return shares


def _expected_vector(stage: Stage, item: ItemFeatures) -> Float32Array:
    """Encode metadata; the collaborative block is what the content lets expect."""
    encoder = stage.catalogue.encoder
    content = encoder.encode(item)
    guess = stage.expectations.collaborative_trust * (content @ stage.collaborative_map)
    return np.concatenate([content, guess.astype(np.float32)])


def _biases_of_plays(
    artefact: ModelArtefact, delta: DeltaSnapshot, decayed_plays: Float64Array
) -> Float32Array:
    """Return popularity terms of cases (cases, half-lives) as `popularity_bias` would."""
    logs = np.log(decayed_plays + artefact.manifest.popularity_smoothing).astype(np.float32)
    cases = replace(delta, items=[delta.items[0]] * len(logs), log_popularity=logs)
    return popularity_bias(artefact, cases)
