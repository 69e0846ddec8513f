"""Each judge of the log, members and consumers on sums made by hand: what it must see, and pass."""

import math
from collections.abc import Mapping, Sequence

import pytest
from recsysops.detection.catalogue import find_audit

from tests.unit.detection.distributions import alarms, judged, rows

Rows = Sequence[Mapping[str, object]]


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
