"""Splits of exploration and roll-outs held against their plan, on members made by hand."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import alarms, judged, packed_row, rows

Rows = Sequence[Mapping[str, object]]


def drawn(subject: str, *, share: float, planned: float, requests: int = 20_000) -> Rows:
    """Requests of a window of which `share` were drawn and `planned` should have been."""
    each = requests / 32
    noise = [1.0 + 0.02 * math.sin(7 * g) for g in range(32)]
    return [
        packed_row("window", subject, "explored", weights=[each * share * n for n in noise],
                   value=1.0 - planned),
        packed_row("window", subject, "greedy", weights=[each * (1 - share * n) for n in noise],
                   value=-planned),
    ]  # fmt: skip


def test_exploration_that_is_off_or_as_planned_is_told_apart() -> None:
    assert not alarms("sample_ratio", drawn("exploration", share=0.1, planned=0.1))
    [found] = alarms("sample_ratio", drawn("exploration", share=0.01, planned=0.1))
    assert (found.metric, found.slice) == ("exploration_gap", {})
    assert found.observed == pytest.approx(-0.09, abs=0.001)


def test_a_roll_out_that_is_not_split_in_halves_is_named() -> None:
    [found] = alarms("sample_ratio", drawn("roll_out:ro-1", share=0.7, planned=0.5))
    assert (found.metric, found.subject) == ("roll_out_gap", "roll_out:ro-1")


def taking_part(
    asked: Sequence[int], in_canary: Sequence[bool], *, slice_name: str, period: str = "window"
) -> list[Mapping[str, object]]:
    """Members of a roll-out, each one row that weighs what it asked."""
    groups: dict[int, list[float]] = {}
    for member, (weight, canary) in enumerate(zip(asked, in_canary, strict=True)):
        sums = groups.setdefault(member % 32, [0.0, 0.0])
        sums[0] += weight
        sums[1] += weight * (0.5 if canary else -0.5)
    return [
        {
            "period": period, "slice": slice_name, "label": "roll_out:ro-1=drawn",
            "n": len(asked), "ww": float(sum(n * n for n in asked)), "wxx": sum(asked) / 4.0,
            "groups": " ".join(f"{g}:{w}:{wx}" for g, (w, wx) in sorted(groups.items())),
        }
    ]  # fmt: skip


def test_a_small_country_of_heavy_members_is_uneven_by_the_luck_of_the_draw() -> None:
    # 32 members ask, three of them most of the time, and those three were drawn into the canary
    asked = [200, 180, 160, *[10] * 60]
    answer = taking_part(asked, [True] * 3 + [True, False] * 30, slice_name="country=in")
    [whole] = judged(
        "sample_ratio", taking_part([10] * 1000, [True, False] * 500, slice_name="all")
    )
    assert whole.effect == 0.0
    assert not judged("sample_ratio", answer)  # 540 + 600 requests are worth twelve members


def test_the_split_of_members_is_surprising_as_often_as_its_p_value_says() -> None:
    rng = np.random.default_rng(3)
    asked = np.ceil(40.0 * rng.gamma(0.9, 1.0, size=120)).astype(int).tolist()
    p_values = [
        judged("sample_ratio", taking_part(asked, rng.random(120) < 0.5, slice_name="all"))[
            0
        ].p_value
        for _ in range(150)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05
    assert np.mean(np.array(p_values) <= 0.5) > 0.05  # a bound, but not an idle one


def test_a_canary_that_lost_its_requests_is_named_against_members_own_days_before() -> None:
    rng = np.random.default_rng(4)
    canary = (rng.random(240) < 0.5).tolist()
    usual = 40.0 * rng.gamma(0.9, 1.0, size=240)

    def day(share: float) -> list[int]:
        asked = rng.poisson(usual) + 1
        return np.where(canary, np.ceil(share * asked), asked).astype(int).tolist()

    before = taking_part(day(1.0), canary, slice_name="all", period="reference")
    now = taking_part(day(0.4), canary, slice_name="all")
    found = {check.metric: check for check in judged("sample_ratio", [*before, *now])}
    # 0.4 of 1.4 requests are the canary's
    assert found["roll_out_change"].effect == pytest.approx(0.5 - 0.4 / 1.4, abs=0.1)
    assert found["roll_out_change"].p_value < 1e-9 < found["roll_out_gap"].p_value
    [quiet] = [
        check
        for check in judged(
            "sample_ratio", [*before, *taking_part(day(1.0), canary, slice_name="all")]
        )
        if check.metric == "roll_out_change"
    ]
    assert quiet.p_value > 0.01


def test_exploration_that_its_plan_turned_off_is_told_by_its_share() -> None:
    answer = rows({"explored": (2_000, 0), "greedy": (18_000, 20_000)}, subject="exploration")
    assert [c.metric for c in alarms("sample_ratio", answer)] == ["exploration_share"]


def test_an_empty_window_leaves_no_ratio_to_judge() -> None:
    with pytest.raises(CouldNotJudge, match="window has no requests"):
        judged("sample_ratio", rows({"explored": (10, 0)}, subject="exploration"))
