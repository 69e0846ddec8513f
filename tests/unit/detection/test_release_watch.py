"""A bad canary is found at any hour, by counts made by hand."""

from __future__ import annotations

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


def test_the_error_makes_a_normal_as_surprised_as_students_t() -> None:
    error = _normal_error(0.1, 0.02)
    assert normal_p_value(np.array(0.1 / error)) == pytest.approx(
        float(student_p_value(np.array(5.0), degrees=31.0)), rel=1e-6
    )
    assert _normal_error(0.0, 0.02) == 0.02
    assert _normal_error(0.1, 0.0) == 0.0


def test_it_is_asked_every_hour_and_needs_no_reference() -> None:
    assert (AUDIT.every, AUDIT.needs_reference, AUDIT.component) == ("hour", False, "model")
