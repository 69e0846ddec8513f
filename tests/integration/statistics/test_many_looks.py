"""Fifty looks at nothing: the ordinary test cries wolf again and again, this one rarely.

Canary and control of a roll-out, members in 32 hash groups, plays clustered by member; the looks
come after every fiftieth of the traffic, as an operator's or an hourly schedule's would.
"""

import numpy as np
from recsysops.statistics.jackknife import jackknife_difference, ratio
from recsysops.statistics.sequential import look_at
from recsysops.statistics.student import student_p_value

WORLDS, LOOKS, GROUPS, MEMBERS = 600, 50, 32, 30
TYPICAL = 0.02


def watch(rng: np.random.Generator, *, harm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return (p of a single look, anytime p), (WORLDS, LOOKS) each, of canary against control."""
    members = rng.beta(2.0, 18.0, size=(2, WORLDS, GROUPS, 1, MEMBERS))
    taste = members.mean(axis=-1)
    taste[1] = taste[1] - harm
    requests = rng.poisson(20.0, size=(2, WORLDS, GROUPS, LOOKS)).astype(float)
    hits = rng.binomial(requests.astype(int), np.clip(taste, 0.0, 1.0)).astype(float)
    requests, hits = requests.cumsum(axis=-1), hits.cumsum(axis=-1)
    single, anytime = np.ones((WORLDS, LOOKS)), np.ones((WORLDS, LOOKS))
    for look in range(LOOKS):
        found = jackknife_difference(
            ratio,
            reference=(hits[0, ..., look], requests[0, ..., look]),
            window=(hits[1, ..., look], requests[1, ..., look]),
        )
        single[:, look] = student_p_value(found.value / found.error, degrees=GROUPS - 1.0)
        anytime[:, look] = look_at(found.value, found.error, typical_effect=TYPICAL).p_value
    return single, anytime


def test_fifty_looks_at_no_difference_alarm_in_five_percent_at_most() -> None:
    single, anytime = watch(np.random.default_rng(5))
    wolf, rare = ((p.min(axis=1) <= 0.05).mean() for p in (single, anytime))
    assert wolf > 0.2
    assert rare <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)


def test_a_canary_that_loses_half_of_its_plays_is_seen_long_before_the_end() -> None:
    _, anytime = watch(np.random.default_rng(6), harm=0.03)
    found = anytime <= 0.05
    assert found.any(axis=1).mean() > 0.95
    assert np.median(found.argmax(axis=1)) < LOOKS / 2
