"""A bad canary is found at any hour, by counts made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from recsysops.detection.audits.release_watch import AUDIT, _normal_error, judge
from recsysops.detection.cells import read_distributions
from recsysops.detection.checks import Check
from recsysops.statistics.student import normal_p_value, student_p_value
from recsysops.vocabulary import HASH_GROUPS

from tests.unit.detection.distributions import context, packed_row

Counts = np.ndarray


def rows_of(
    arm: str,
    played: Counts,
    ignored: Counts,
    *,
    seen: str = "now",
    model: str = "m-1",
    day: int = 20_500,
) -> list[dict[str, object]]:
    return [
        packed_row("window", "ro-1", f"{arm} {outcome} {seen} {day} {model}", weights=list(weights))
        for outcome, weights in (("played", played), ("ignored", ignored))
        if np.any(weights)
    ]


def arm_rows(arm: str, requests: int, share: float, **more: Any) -> list[dict[str, object]]:
    rng = np.random.default_rng([len(arm), requests, round(1_000 * share)])
    asked = rng.multinomial(requests, [1 / HASH_GROUPS] * HASH_GROUPS)
    played = rng.binomial(asked, share)
    return rows_of(arm, played.astype(float), (asked - played).astype(float), **more)


def look(*rows: list[dict[str, object]]) -> dict[str, Check]:
    checks = judge(read_distributions([row for part in rows for row in part]), context())
    return {check.metric: check for check in checks}


def is_alarm(check: Check) -> bool:
    return check.effect >= check.effect_floor and check.p_value < 1e-6


def test_a_canary_whose_members_play_half_as_much_is_named() -> None:
    found = look(arm_rows("control", 2_000, 0.30), arm_rows("canary", 2_000, 0.15, model="m-2"))[
        "canary_plays"
    ]
    assert is_alarm(found)
    assert (found.subject, found.slice, found.nested) == ("m-2", {}, False)
    assert found.effect == pytest.approx(np.log(2), abs=0.25)
    low, high = found.evidence["interval_at_all_looks"]  # type: ignore[misc]
    assert low < -0.15 < high < 0.0


def test_a_canary_that_falls_back_is_named_and_one_that_is_better_is_not() -> None:
    worse = look(
        arm_rows("control", 2_000, 0.3),
        arm_rows("canary", 1_600, 0.3, model="m-2"),
        arm_rows("canary", 400, 0.3, model="-"),
    )
    assert [metric for metric, check in worse.items() if is_alarm(check)] == ["canary_fallbacks"]
    assert worse["canary_fallbacks"].observed == pytest.approx(0.2)
    better = look(arm_rows("control", 2_000, 0.15), arm_rows("canary", 2_000, 0.3, model="m-2"))
    assert not any(map(is_alarm, better.values()))


def test_without_a_canary_or_with_little_of_it_there_is_nothing_to_judge() -> None:
    assert look() == {}
    assert look(arm_rows("control", 2_000, 0.3)) == {}
    assert look(arm_rows("control", 2_000, 0.3), arm_rows("canary", 100, 0.2)) == {}


def test_a_roll_out_that_is_over_is_not_watched() -> None:
    assert (
        look(
            arm_rows("control", 2_000, 0.3, seen="before"),
            arm_rows("canary", 2_000, 0.1, seen="before", model="m-2"),
        )
        == {}
    )


def test_the_reference_counts_as_much_as_the_window() -> None:
    whole = look(arm_rows("control", 1_000, 0.3), arm_rows("canary", 1_000, 0.3))
    kept = [{**row, "period": "reference"} for row in arm_rows("canary", 1_000, 0.3, seen="before")]
    more = look(arm_rows("control", 1_000, 0.3), arm_rows("canary", 1_000, 0.3), kept)
    assert more["canary_plays"].evidence["canary_requests"] == 2_000.0
    assert whole["canary_plays"].evidence["canary_requests"] == 1_000.0


def test_a_canary_is_judged_from_the_first_day_of_its_newest_model_on() -> None:
    found = look(
        arm_rows("control", 9_000, 0.30, seen="before", day=20_490),
        arm_rows("canary", 9_000, 0.30, seen="before", day=20_490, model="m-old-c"),
        arm_rows("control", 2_000, 0.30),
        arm_rows("canary", 2_000, 0.15, model="m-2"),
    )["canary_plays"]
    assert (found.subject, found.evidence["canary_requests"]) == ("m-2", 2_000.0)
    assert is_alarm(found)


def fallback_look(share: float, requests: int = 4_000) -> Check:
    """Look at a canary that falls back so often, against a control that never does."""
    dead = round(share * requests)
    return look(
        arm_rows("control", requests, 0.3),
        arm_rows("canary", requests - dead, 0.3, model="m-2"),
        arm_rows("canary", dead, 0.3, model="-"),
    )["canary_fallbacks"]


@pytest.mark.parametrize("requests", [300, 1_000, 4_000, 1_000_000])
def test_the_more_a_canary_falls_back_the_surer_is_the_alarm(requests: int) -> None:
    checks = [fallback_look(share, requests) for share in (0.05, 0.3, 0.5, 0.9, 1.0)]
    p_values = [check.p_value for check in checks]
    pairs = list(itertools.pairwise(p_values))
    assert all(worse < better or worse == 0.0 for better, worse in pairs), p_values
    assert is_alarm(checks[-1])


def test_a_canary_that_only_falls_back_is_an_alarm_with_an_interval() -> None:
    found = fallback_look(1.0)
    assert is_alarm(found)
    assert (found.baseline, found.observed) == (0.0, 1.0)
    low, high = found.evidence["interval_at_all_looks"]  # type: ignore[misc]
    assert 0.9 < low < 1.0 < high < 1.1


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9, 1.0])
def test_more_requests_make_the_same_fallbacks_surer(share: float) -> None:
    p_values = [fallback_look(share, requests).p_value for requests in (300, 4_000, 1_000_000)]
    assert all(more < less or more == 0.0 for less, more in itertools.pairwise(p_values)), p_values


def test_a_canary_that_loses_all_its_plays_is_surer_than_one_that_loses_half() -> None:
    half, all_of_them = (
        look(arm_rows("control", 4_000, 0.8), arm_rows("canary", 4_000, share, model="m-2"))
        for share in (0.4, 0.0)
    )
    assert is_alarm(half["canary_plays"])
    assert is_alarm(all_of_them["canary_plays"])
    assert all_of_them["canary_plays"].p_value <= half["canary_plays"].p_value < 1e-50


def test_requests_of_one_hash_group_tell_nothing_of_the_others() -> None:
    alone = np.eye(HASH_GROUPS)[3]
    assert look(rows_of("control", 2e3 * alone, 0 * alone), arm_rows("canary", 2_000, 0.1)) == {}


@pytest.mark.parametrize("fallbacks", [0.002, 0.03, 0.4])
def test_without_a_difference_many_looks_alarm_in_five_percent_at_most(fallbacks: float) -> None:
    worlds, looks = 120, 20
    rng = np.random.default_rng(11)
    wolf = [
        min(hour["canary_fallbacks"].p_value for hour in _same_arms(rng, looks, fallbacks)) <= 0.05
        for _ in range(worlds)
    ]
    assert np.mean(wolf) <= 0.05


def _same_arms(rng: np.random.Generator, looks: int, share: float) -> Iterator[dict[str, Check]]:
    """Look again and again at two growing arms that differ by chance alone."""
    asked = rng.poisson(15.0, size=(looks, 2, HASH_GROUPS)).cumsum(axis=0)
    tendency = np.clip(share * rng.gamma(5.0, 0.2, size=(2, HASH_GROUPS)), 0.0, 1.0)
    fresh = np.diff(asked, axis=0, prepend=0)
    fell = rng.binomial(fresh, tendency).cumsum(axis=0)
    for requests, dead in zip(asked, fell, strict=True):
        yield look(
            *(
                rows_of(arm, 0.3 * part, 0.7 * part, model=model)
                for place, arm in enumerate(("control", "canary"))
                for part, model in (((requests - dead)[place], "m-1"), (dead[place], "-"))
            )
        )


def test_the_error_makes_a_normal_as_surprised_as_students_t_and_stays_bounded() -> None:
    t = np.linspace(0.0, 40.0, 400)
    factor = np.array([_normal_error(float(value), 1.0) for value in t])
    z = t / factor
    assert (np.diff(z) > 0).all(), "the larger the effect, the surer"
    decided = normal_p_value(z) > 1e-8
    wanted = student_p_value(t[decided], degrees=31.0)
    assert normal_p_value(z[decided]) == pytest.approx(wanted, rel=0.02)
    assert factor[0] == 1.0
    assert factor[-1] == factor.max() < 1.36


def test_it_is_asked_every_hour_and_needs_no_reference() -> None:
    assert (AUDIT.every, AUDIT.needs_reference, AUDIT.component) == ("hour", False, "model")
