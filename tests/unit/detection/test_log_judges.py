"""Each judge of traffic, log and experiments on sums made by hand: what it must see, and pass."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from recsysops.detection.catalogue import find_audit
from recsysops.detection.cells import read_distributions
from recsysops.detection.checks import Check
from recsysops.detection.context import AuditContext
from recsysops.errors import CouldNotJudge

from tests.unit.detection.distributions import DAY, START, context, packed_row, rows

Rows = Sequence[Mapping[str, object]]
FIRST = int((START - datetime(1970, 1, 5, tzinfo=UTC)) / (DAY / 24))
SUNDAY, MONDAY = range(FIRST - 24, FIRST), range(FIRST, FIRST + 24)
"""Hours of the reference and of the window, counted from a Monday on."""


def judged(audit: str, answer: Rows, asked: AuditContext | None = None) -> list[Check]:
    return find_audit(audit).judge(read_distributions(answer), asked or context())


def alarms(audit: str, answer: Rows, asked: AuditContext | None = None) -> list[Check]:
    """Checks above their floor that are significant beyond doubt."""
    checks = judged(audit, answer, asked)
    return [c for c in checks if c.effect >= c.effect_floor and c.p_value < 1e-5]


def hourly(before: float, now: Mapping[int, float] | float, **where: str) -> Rows:
    """A Sunday of `before` requests an hour, then a Monday; `now` by hour, or of each."""
    hours = now if isinstance(now, Mapping) else dict.fromkeys(MONDAY, now)
    counts = {str(hour): (before, 0.0) for hour in SUNDAY} | {
        str(hour): (0.0, hours[hour]) for hour in MONDAY
    }
    name = "=".join(next(iter(where.items()))) if where else "all"
    return rows(counts, subject="requests", slice_name=name)


# volume ----------------------------------------------------------------------------------


def test_lost_traffic_is_seen_over_the_day_and_a_quiet_day_is_not() -> None:
    found = alarms("volume", hourly(50.0, 20.0))
    assert (found[0].slice, found[0].subject) == ({}, "requests")
    assert (found[0].baseline, found[0].observed) == pytest.approx((1_200.0, 480.0))
    assert found[0].evidence["expected_from"] == "hour of day of the reference"
    assert not alarms("volume", hourly(50.0, 52.0))


def test_one_dead_hour_is_named() -> None:
    [found] = alarms("volume", hourly(50.0, {**dict.fromkeys(MONDAY, 50.0), FIRST + 7: 0.0}))
    assert (found.slice, found.nested) == ({"hour": "Monday 07:00"}, True)


def test_no_requests_at_all_are_lost_traffic_not_an_empty_answer() -> None:
    assert alarms("volume", hourly(50.0, 0.0))[0].observed == 0.0


def test_a_weekend_is_held_against_the_last_weekend_not_against_friday() -> None:
    week = context(reference_start=START - 7 * DAY)
    before = {str(FIRST - 168 + h): (50.0 if h < 120 else 150.0, 0.0) for h in range(168)}
    monday = rows({**before, **{str(h): (0.0, 50.0) for h in MONDAY}}, subject="requests")
    assert not alarms("volume", monday, week)
    [found] = [
        check
        for check in judged("volume", monday, week)
        if check.metric == "requests" and not check.nested
    ]
    assert found.baseline == pytest.approx(1_200.0)
    assert found.evidence["expected_from"] == "hour of week of the reference"


def test_a_country_that_went_missing_is_named_instead_of_the_whole_that_it_moves() -> None:
    answer = [
        *hourly(100.0, 60.0),
        *hourly(40.0, 0.0, country="FR"),
        *hourly(60.0, 60.0, country="DE"),
        *hourly(100.0, 60.0, surface="home"),
    ]
    found = alarms("day_volume", answer)
    assert (found[0].metric, found[0].slice) == (
        "request_share",
        {"country": "FR"},
    )
    assert all(check.metric == "request_share" for check in found)


def test_a_country_without_a_past_is_left_to_the_schema() -> None:
    answer = [*hourly(100.0, 100.0), *hourly(0.0, 30.0, country="ZZ")]
    assert not alarms("day_volume", answer)


def test_growth_everywhere_is_told_once_and_of_no_slice() -> None:
    answer = [
        *hourly(100.0, 200.0),
        *hourly(40.0, 80.0, country="FR"),
        *hourly(60.0, 120.0, country="DE"),
    ]
    assert {(c.metric, tuple(c.slice)) for c in alarms("volume", answer)} == {("requests", ())}


def test_a_window_of_one_hour_is_held_against_its_hour() -> None:
    hour = DAY / 24
    asked = context(window_end=START + hour, reference_start=START - 7 * DAY)
    before = {str(FIRST - 168 + h): (400.0 if h == 0 else 900.0, 0.0) for h in range(168)}
    quiet = rows({**before, str(FIRST): (0.0, 390.0)}, subject="requests")
    assert not alarms("volume", quiet, asked)
    lost = rows({**before, str(FIRST): (0.0, 100.0)}, subject="requests")
    [found] = alarms("volume", lost, asked)
    assert (found.baseline, found.observed) == pytest.approx((400.0, 100.0))


def four_weeks(levels: Sequence[float], now: float, **where: str) -> Rows:
    """Weeks of `levels` requests an hour, then a Monday of `now`."""
    counts = {
        str(FIRST - 168 * (len(levels) - week) + hour): (level, 0.0)
        for week, level in enumerate(levels)
        for hour in range(168)
    }
    name = "=".join(next(iter(where.items()))) if where else "all"
    counts |= {str(hour): (0.0, now) for hour in MONDAY}
    return rows(counts, subject="requests", slice_name=name)


@pytest.mark.parametrize("wild", [0.0, 5.0, 4_000.0])
@pytest.mark.parametrize("place", range(4))
def test_one_wild_week_in_four_moves_no_expectation(wild: float, place: int) -> None:
    asked = context(reference_start=START - 28 * DAY)
    levels = [400.0] * 4
    levels[place] = wild
    [whole, *_] = judged("day_volume", four_weeks(levels, 400.0), asked)
    assert whole.baseline == pytest.approx(24 * 400.0)
    assert whole.evidence["expected_from"].endswith(", median of 4 weeks")  # type: ignore[attr-defined]
    assert alarms("day_volume", four_weeks(levels, 200.0), asked)


def test_a_country_that_was_away_for_a_week_is_still_expected() -> None:
    asked = context(reference_start=START - 28 * DAY)
    quiet = [
        *four_weeks([400.0, 400.0, 300.0, 400.0], 400.0),
        *four_weeks([100.0, 100.0, 0.0, 100.0], 100.0, country="FR"),
    ]
    away = [
        *four_weeks([400.0, 400.0, 300.0, 400.0], 300.0),
        *four_weeks([100.0, 100.0, 0.0, 100.0], 0.0, country="FR"),
    ]
    assert not alarms("day_volume", quiet, asked)
    assert alarms("day_volume", away, asked)[0].slice == {"country": "FR"}


def test_two_weeks_are_averaged_and_say_so() -> None:
    asked = context(reference_start=START - 14 * DAY)
    [whole, *_] = judged("day_volume", four_weeks([300.0, 500.0], 400.0), asked)
    assert whole.baseline == pytest.approx(24 * 400.0)
    assert whole.evidence["expected_from"].endswith(", mean of 2 weeks")  # type: ignore[attr-defined]


def test_without_a_reference_volume_cannot_be_judged() -> None:
    with pytest.raises(CouldNotJudge, match="reference has no requests"):
        judged("volume", hourly(0.0, 50.0))


# the log ---------------------------------------------------------------------------------


def sunday_and_monday(subject: str, before: float, now: float, *, silent_from: int = 24) -> Rows:
    """Rows by hour of the week, none from an hour of the Monday on."""
    counts = {str(hour): (before, 0.0) for hour in range(144, 168)}
    counts |= {str(hour): (0.0, now if hour < silent_from else 0.0) for hour in range(24)}
    return rows(counts, subject=subject)


def test_a_table_that_fell_silent_is_named_and_a_rare_one_is_not() -> None:
    answer = [
        *sunday_and_monday("feedback", 50.0, 50.0, silent_from=20),
        *sunday_and_monday("consumer_logs", 1.0, 1.0, silent_from=20),
        *sunday_and_monday("slim_requests", 50.0, 50.0),
    ]
    [found] = alarms("table_freshness", answer)
    assert (found.metric, found.subject) == ("silent_share", "feedback")
    assert found.observed == pytest.approx(4 / 24)
    assert found.evidence == {"hours_due": 24, "hours_silent": 4}


@pytest.mark.parametrize(
    ("witness", "table", "metric"),
    [
        ("full", "slim_requests", "full_without_slim_share"),
        ("feedback", "slim_requests", "feedback_without_slim_share"),
        ("slim", "full_requests", "slim_without_full_share"),
    ],
)
def test_lines_that_only_a_witness_knows_are_lost(witness: str, table: str, metric: str) -> None:
    answer = rows({"lost": (0, 160), "kept": (1_600, 1_440)}, subject=witness)
    [found] = alarms("log_loss", answer)
    assert (found.subject, found.metric) == (table, metric)
    assert found.observed == pytest.approx(0.1)


def test_twice_the_floor_of_lost_lines_is_significant_with_a_thousand_witnesses() -> None:
    floor = find_audit("log_loss").floors["full_without_slim_share"]
    answer = rows(
        {"lost": (0, 2_000 * floor), "kept": (7_000, 1_000 - 2_000 * floor)}, subject="full"
    )
    assert alarms("log_loss", answer)


def test_repeated_rows_are_named_by_table() -> None:
    answer = [
        *rows({"repeat": (10, 800), "first": (20_000, 20_000)}, subject="slim_requests"),
        *rows({"repeat": (0, 0), "first": (2_000, 2_000)}, subject="feedback"),
    ]
    [found] = alarms("repeated_rows", answer)
    assert (found.subject, found.observed) == ("slim_requests", pytest.approx(800 / 20_800))


def test_feedback_before_its_request_and_rows_that_come_late_are_told() -> None:
    answer = [
        *rows({"early": (2, 500), "after": (4_998, 4_500)}, subject="feedback"),
        *rows({"late": (0, 1_000), "same_day": (20_000, 19_000)}, subject="arrival"),
        *rows({"12": (1_000, 1_000)}, subject="hour"),
    ]
    found = alarms("event_clock", answer)
    assert {(c.metric, c.subject) for c in found} == {
        ("early_feedback_share", "event_time"),
        ("late_rows_share", "event_time"),
    }


def test_one_country_by_another_clock_is_told_from_a_country_that_is_busier() -> None:
    profile = [1_000.0 + 750.0 * math.cos(2 * math.pi * (h - 20) / 24) for h in range(24)]
    usual = {str(h): (profile[h], profile[h]) for h in range(24)}
    shifted = {str(h): (profile[h] / 5, profile[h - 6] / 5) for h in range(24)}
    busier = {str(h): (profile[h] / 5, profile[h] / 3) for h in range(24)}
    answer = [
        *rows(usual, subject="hour"),
        *rows(shifted, subject="hour", slice_name="country=FR"),
        *rows(busier, subject="hour", slice_name="country=DE"),
    ]
    [found] = alarms("event_clock", answer)
    assert (found.metric, found.slice) == ("clock_shift", {"country": "FR"})


def test_a_country_that_was_away_for_some_hours_turned_no_clock() -> None:
    profile = [1_000.0 + 750.0 * math.cos(2 * math.pi * (h - 20) / 24) for h in range(24)]
    usual = {str(h): (profile[h], profile[h]) for h in range(24)}
    away = {str(h): (profile[h] / 5, 0.0 if 17 <= h < 20 else profile[h] / 5) for h in range(24)}
    moved = {str(h): (profile[h] / 5, profile[h] / 5 + 60.0 * (-1) ** (h // 8)) for h in range(24)}
    answer = [
        *rows(usual, subject="hour"),
        *rows(away, subject="hour", slice_name="country=FR"),
        *rows(moved, subject="hour", slice_name="country=DE"),
    ]
    assert {c.metric for c in alarms("event_clock", answer)} == {"hour_profile"}


def test_a_column_that_became_empty_and_a_value_without_a_past_are_named() -> None:
    answer = [
        *rows({"null": (0, 2_000), "filled": (20_000, 18_000)}, subject="slim_requests.scores"),
        *rows({"null": (900, 900), "filled": (19_100, 19_100)}, subject="slim_requests.country"),
        *rows({"home": (19_000, 15_000), "start": (0, 5_000), "item": (1_000, 0)},
              subject="values.surface"),
        *rows({"play": (1_000, 900), "watch": (0, 100)}, subject="values.kind"),
    ]  # fmt: skip
    found = alarms("log_schema", answer)
    assert [(c.metric, c.subject, c.slice) for c in found] == [
        ("null_share", "slim_requests.scores", {}),
        ("category_unseen", "slim_requests.surface", {"surface": "start"}),
        ("category_unseen", "feedback.kind", {"kind": "watch"}),
    ]


# serving and model -----------------------------------------------------------------------


def test_scores_that_are_no_numbers_or_all_the_same_are_told_by_slice() -> None:
    answer = [
        *rows({"broken": (0, 300), "constant": (0, 600), "apart": (20_000, 19_100)},
              subject="scores"),
        *rows({"broken": (0, 300), "apart": (5_000, 4_700)}, subject="scores",
              slice_name="surface=search"),
    ]  # fmt: skip
    assert [(c.metric, c.slice) for c in alarms("predictions", answer)] == [
        ("broken_score_share", {}),
        ("constant_score_share", {}),
        ("broken_score_share", {"surface": "search"}),
    ]


def test_slower_requests_are_told_by_mean_and_by_tail() -> None:
    even = {str(b): (1_000.0, 1_000.0) for b in range(20)}
    slower = {**dict.fromkeys(even, (1_000.0, 850.0)), "19": (1_000.0, 3_850.0)}
    logs = {str(b): (2.0 + b / 10, 2.3 + b / 10) for b in range(20)}
    found = alarms("latency", rows(slower, subject="latency_ms", values=logs))
    assert {c.metric for c in found} == {"latency_shift", "slow_share"}
    assert not alarms("latency", rows(even, subject="latency_ms", values=logs | {}))[1:]


def test_faster_requests_are_no_fault() -> None:
    even = {str(b): (1_000.0, 1_000.0) for b in range(20)}
    logs = {str(b): (2.0 + b / 10, 1.0 + b / 10) for b in range(20)}
    assert not alarms("latency", rows(even, subject="latency_ms", values=logs))


def test_empty_slates_are_told() -> None:
    answer = rows({"empty": (0, 400), "filled": (20_000, 19_600)}, subject="slate")
    [found] = alarms("empty_slates", answer)
    assert (found.metric, found.subject) == ("empty_slate_share", "slate")


# experiments -----------------------------------------------------------------------------


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


# members, consumers, feedback ------------------------------------------------------------


def busy(extra: Mapping[int, int] | None = None) -> Rows:
    """Members by power of two of their requests beyond their busiest day: fewer, then by far."""
    members = {0: 800, 1: 500, 2: 300, 3: 150, 4: 50, 5: 6}
    now = {b: members.get(b, 0) + (extra or {}).get(b, 0) for b in {*members, *(extra or {})}}
    return [
        *rows({str(b): (7 * members.get(b, 0), now[b]) for b in now}, subject="members"),
        *rows({str(b): (7 * members.get(b, 0) * 1.5 * 2**b, now[b] * 1.5 * 2**b) for b in now},
              subject="requests"),
    ]  # fmt: skip


def test_one_robot_is_told_from_busy_members() -> None:
    [found] = alarms("member_concentration", busy({10: 1}))
    assert found.subject == "requests_per_member"
    assert found.evidence["members"] == 1.0
    assert not alarms("member_concentration", busy({}))
    assert not alarms("member_concentration", busy({5: 3}))


@pytest.mark.parametrize(
    ("what", "cell", "metric"),
    [
        ("sorted", "changed", "resorted_share"),
        ("dropped", "some", "dropped_share"),
        ("added", "some", "added_share"),
        ("request", "unknown", "unknown_request_share"),
    ],
)
def test_what_a_consumer_does_to_our_answers_is_named(what: str, cell: str, metric: str) -> None:
    answer = rows({cell: (100, 400), "as_sent": (900, 600)}, subject=f"{what}:tv-app")
    [found] = alarms("downstream_echo", answer)
    assert (found.metric, found.subject) == (metric, "tv-app")
    assert found.effect == pytest.approx(0.3)


def test_what_a_consumer_has_always_done_is_no_finding() -> None:
    answer = rows({"changed": (500, 500), "kept": (500, 500)}, subject="sorted:tv-app")
    assert not alarms("downstream_echo", answer)
    assert judged("downstream_echo", []) == []


def test_feedback_that_stays_away_is_told_and_more_of_it_is_not() -> None:
    lost = rows({"answered": (6_000, 3_600), "silent": (14_000, 16_400)}, subject="feedback")
    [found] = alarms("feedback_loss", lost)
    assert found.effect == pytest.approx(math.log(6_000 / 3_600))
    more = rows({"answered": (6_000, 9_000), "silent": (14_000, 11_000)}, subject="feedback")
    assert not alarms("feedback_loss", more)


def test_plays_of_what_was_not_shown_are_told_and_lost_feedback_is_not() -> None:
    acts = {"play:shown": (4_000, 1_500), "play:unshown": (4_000, 4_000),
            "click:shown": (4_000, 2_800)}  # fmt: skip
    assert [c.metric for c in alarms("feedback_rates", rows(acts, subject="acts"))] == [
        "shown_play_share"
    ]
    halved = {cell: (before, before / 2) for cell, (before, _) in acts.items()}
    assert not alarms("feedback_rates", rows(halved, subject="acts"))
