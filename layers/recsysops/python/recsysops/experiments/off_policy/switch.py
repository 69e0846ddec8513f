"""SWITCH doubly robust: corrections are made only where the ratio is moderate."""

from __future__ import annotations

from recsysops.experiments.off_policy.sample import Sample


def estimate_switch(sample: Sample, *, cap: float) -> float:
    """Return (1/n) Σ [outlook + 1(ratio <= cap) · ratio · (reward - guess)].

    cap = 0 is the direct method, cap = ∞ doubly robust; between them heavy ratios are left to the
    model (Wang, Agarwal and Dudík, "Optimal and adaptive off-policy evaluation in contextual
    bandits", ICML 2017).
    """
    kept = sample.ratio * (sample.ratio <= cap)
    return sample.mean(sample.outlook + kept * (sample.reward - sample.guess))
