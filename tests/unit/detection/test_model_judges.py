"""Judges of models on sums made by hand: artefact against artefact, logged against repeated."""

from collections.abc import Mapping, Sequence

import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import alarms, context, rows

Rows = Sequence[Mapping[str, object]]

PROFILED = rows({"known": (1.0, 1.0)}, subject="profile")


def test_a_tenth_of_the_years_trained_as_missing_is_named() -> None:
    years = rows({"zero": (0, 320), "filled": (3_200, 2_880)}, subject="year",
                 values={"filled": (1.0, 1.0)})  # fmt: skip
    [found] = alarms("model_profile", [*PROFILED, *years])
    assert (found.metric, found.subject) == ("encoded_missing_share", "year")
    assert found.effect == pytest.approx(0.1)


def test_the_same_model_in_both_periods_is_no_change() -> None:
    block = rows({"filled": (3_200, 3_200)}, subject="collaborative", values={"filled": (1.0, 1.0)})
    assert not alarms("model_profile", [*PROFILED, *block])


def test_norms_a_half_larger_are_named_once_although_every_segment_has_them() -> None:
    values = {"filled": (1.0, 1.5)}
    answer = [
        *PROFILED,
        *rows({"filled": (3_200, 3_200)}, subject="collaborative", values=values),
        *rows({"filled": (320, 320)}, subject="collaborative", values=values,
              slice_name="language=ja"),
    ]  # fmt: skip
    [found] = alarms("model_profile", answer)
    assert (found.metric, found.slice) == ("norm", {})
    assert found.effect == pytest.approx(0.4055, abs=1e-3)


def test_a_segment_with_three_times_its_plays_is_named_beside_the_whole() -> None:
    answer = [
        *PROFILED,
        *rows({"filled": (3_200, 3_200)}, subject="training_plays", values={"filled": (1.0, 1.2)}),
        *rows({"filled": (320, 320)}, subject="training_plays", values={"filled": (1.0, 3.0)},
              slice_name="genre=War"),
        *rows({"filled": (2_880, 2_880)}, subject="training_plays", values={"filled": (1.0, 1.0)},
              slice_name="genre=Drama"),
    ]  # fmt: skip
    found = alarms("model_profile", answer)
    assert [(check.metric, check.slice) for check in found] == [
        ("training_share", {"genre": "War"})
    ]
    assert (found[0].baseline, found[0].observed) == pytest.approx((0.1, 0.25))


def test_models_without_a_profile_could_not_be_judged() -> None:
    answer = rows({"missing": (1.0, 1.0)}, subject="profile")
    with pytest.raises(CouldNotJudge, match="have no profile"):
        find_audit("model_profile").judge(read_distributions(answer), context())
    with pytest.raises(CouldNotJudge, match="no model served"):
        find_audit("model_profile").judge([], context())


def test_one_request_in_ten_that_comes_out_differently_names_the_block() -> None:
    answer = [
        *rows({"bit_equal": (1_000, 900), "different": (0, 100)}, subject="replay"),
        *rows({"equal": (1_000, 900), "differs": (0, 100)}, subject="year",
              values={"differs": (0.0, 0.25)}),
        *rows({"equal": (1_000, 1_000)}, subject="genre"),
    ]  # fmt: skip
    found = {check.subject: check for check in alarms("training_serving_skew", answer)}
    assert set(found) == {"replay", "year"}
    assert found["year"].observed == pytest.approx(0.1)
    assert found["year"].evidence == {"mean_of_largest_differences": pytest.approx(0.25)}


def test_rounding_of_another_machine_is_no_skew() -> None:
    answer = rows({"bit_equal": (1_000, 500), "within_one_ulp": (0, 500)}, subject="replay")
    assert not alarms("training_serving_skew", answer)


def test_a_skew_that_was_there_before_is_still_one() -> None:
    answer = rows({"bit_equal": (500, 500), "different": (500, 500)}, subject="replay")
    assert [check.metric for check in alarms("training_serving_skew", answer)] == [
        "replay_differs_share"
    ]


def test_a_window_of_which_nothing_was_repeated_could_not_be_judged() -> None:
    with pytest.raises(CouldNotJudge, match="no request of the window was repeated"):
        find_audit("training_serving_skew").judge([], context())


def test_one_in_twenty_five_repeats_that_differ_is_beyond_doubt_among_a_thousand() -> None:
    answer = rows({"different": (0, 40), "bit_equal": (0, 960)}, subject="replay")
    found = find_audit("training_serving_skew").judge(read_distributions(answer), context())
    [different] = [check for check in found if check.metric == "replay_differs_share"]
    assert different.effect == pytest.approx(2 * different.effect_floor)
    assert different.p_value < 1e-5


def test_a_repeat_in_two_hundred_that_differs_is_what_may_be() -> None:
    answer = rows({"different": (0, 5), "bit_equal": (0, 995)}, subject="replay")
    for check in find_audit("training_serving_skew").judge(read_distributions(answer), context()):
        assert check.p_value > 0.3
