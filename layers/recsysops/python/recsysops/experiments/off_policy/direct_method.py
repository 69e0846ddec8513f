"""Direct method: believe the reward model and ask it about the new policy."""

from __future__ import annotations

from recsysops.experiments.off_policy.sample import Sample


def estimate_directly(sample: Sample) -> float:
    """Return (1/n) Σ over decisions of the model's expectation under the new policy.

    Needs no propensities and is as wrong as its model: its interval knows the model's noise, not
    its bias (Beygelzimer and Langford, "The offset tree", KDD 2009).
    """
    return sample.mean(sample.outlook)
