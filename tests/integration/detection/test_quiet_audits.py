"""Quiet audits, run over and over, alarm in fewer runs than the alert budget says."""

import numpy as np
from recsysops.detection.decide import decide_findings

from tests.unit.detection.distributions import check, context, judgement


def test_quiet_audits_alarm_in_fewer_runs_than_the_budget_says() -> None:
    rng = np.random.default_rng(9)
    runs, alarms = 3_000, 0
    for _ in range(runs):
        p_values = rng.random(300)
        nested = rng.random(300) < 0.7
        kept = [
            check(float(p), nested=bool(n))
            for p, n in zip(p_values, nested, strict=True)
            if p < 0.05
        ]
        one = judgement(*kept, wholes=int((~nested).sum()), slices=int(nested.sum()))
        alarms += bool(decide_findings([one], context()).findings)
    alpha = 0.1 / 28  # half of the budget is the hourly runs'
    assert alarms / runs <= alpha + 3 * np.sqrt(alpha / runs)
