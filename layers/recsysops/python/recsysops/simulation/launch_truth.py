"""What a simulated model really gives the panel, computed plainly and apart from the forecasts."""

from __future__ import annotations

import numpy as np

from recsysops.model.catalogue import Catalogue
from recsysops.model.kernel import Float64Array
from recsysops.simulation.launch_models import ServedModel
from recsysops.vocabulary import ItemFeatures


def score_panel(served: ServedModel, catalogue: Catalogue) -> Float64Array:
    """Return every member's score of every item, (m, n)."""
    scores: Float64Array = served.panel.astype(np.float64) @ catalogue.matrix.T.astype(np.float64)
    return scores + catalogue.bias[None, :]


def find_thresholds(scores: Float64Array, *, k: int) -> tuple[Float64Array, Float64Array]:
    """Return each member's k-th and (k + 1)-th best of the scores (m, eligible), both (m,)."""
    count = scores.shape[1]
    top = np.partition(scores, (count - k - 1, count - k), axis=1)
    return top[:, count - k], top[:, count - k - 1]


def score_corrected(
    served: ServedModel, catalogue: Catalogue, truth: ItemFeatures, *, row: int
) -> Float64Array:
    """Score one item for the panel as if its metadata were `truth`, all else equal, (m,)."""
    vector = catalogue.matrix[row].astype(np.float64)
    encoder = catalogue.encoder
    vector[: encoder.content_width] = encoder.encode(truth)
    scores: Float64Array = served.panel.astype(np.float64) @ vector + catalogue.bias[row]
    return scores
