"""Doubly robust: the model's answer, corrected by the weighted errors it made on the log."""

from __future__ import annotations

from recsysops.experiments.off_policy.sample import Sample


def estimate_doubly_robust(sample: Sample) -> float:
    """Return (1/n) Σ [outlook + ratio · (reward - guess)].

    Right when either the propensities or the model are; a good model takes away most of what the
    ratios multiply (Dudík, Langford and Li, "Doubly robust policy evaluation", ICML 2011).
    """
    return sample.mean(sample.outlook + sample.ratio * (sample.reward - sample.guess))
