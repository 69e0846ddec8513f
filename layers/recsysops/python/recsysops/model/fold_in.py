"""Knows how a member without a trained vector gets one from the few items they chose so far."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from recsysops.model.encoder import FeatureEncoder
from recsysops.model.kernel import Float32Array, Float64Array


class FoldInPrior(BaseModel):
    """What training knew of everybody, kept in the manifest so that scoring can fold members in.

    strength: rows of background every member is given before their own are counted. background:
    share of each content column over all training rows. weights: per content block, the blend's
    weights summed over half-lives (events of one session have not faded under any of them).
    """

    model_config = ConfigDict(frozen=True)

    strength: float = Field(gt=0.0, allow_inf_nan=False)
    background: tuple[FiniteFloat, ...]
    weights: Mapping[str, FiniteFloat]


def fold_in_content(
    content: Float32Array, *, prior: FoldInPrior, encoder: FeatureEncoder
) -> Float32Array:
    """Return the vector of a member who chose these items, (width,) float32.

    Closed form, and what training itself gives a member with this history on the spot:
    weight · log((Σ content + strength · background) / ((n + strength) · background)) per content
    column; zero where the background lacks the trait, and in the collaborative block.

    Args:
        content: content columns of the items chosen, (n, content width); n = 0 gives zeros.
        prior: of the model; its background has the content width.
        encoder: of the model.
    """
    vector = np.zeros(encoder.width, dtype=np.float64)
    sums = content.astype(np.float64).sum(axis=0)
    scale = len(content) + prior.strength
    for block in encoder.blocks:
        weight = prior.weights.get(block.name, 0.0)
        columns = range(block.start, min(block.stop, encoder.content_width))
        vector[list(columns)] = [
            weight * _log_affinity(sums, column, prior=prior, scale=scale) for column in columns
        ]
    return vector.astype(np.float32)


def _log_affinity(sums: Float64Array, column: int, *, prior: FoldInPrior, scale: float) -> float:
    background = prior.background[column]
    if background <= 0.0:
        return 0.0
    return math.log((float(sums[column]) + prior.strength * background) / (scale * background))
