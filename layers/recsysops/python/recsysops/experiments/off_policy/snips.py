"""Self-normalised inverse propensity score: a weighted mean of the rewards that were seen."""

from __future__ import annotations

from recsysops.experiments.off_policy.sample import Sample


def estimate_snips(sample: Sample) -> float:
    """Return Σ ratio · reward / Σ ratio; 0 when no decision has any ratio.

    Never leaves the range of the rewards and does not change when every propensity is wrong by
    one factor (Swaminathan and Joachims, "The self-normalized estimator for counterfactual
    learning", NeurIPS 2015).
    """
    total = float(sample.weight @ sample.ratio)
    return float(sample.weight @ (sample.ratio * sample.reward)) / total if total > 0.0 else 0.0
