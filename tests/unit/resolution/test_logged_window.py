from __future__ import annotations

from datetime import timedelta

import pytest
from recsysops.request_log.records import FeedbackEvent, FullRequest, SlimRequest
from recsysops.resolution.logged_window import arrange_window, explored_slot

from tests.fakes.logged_requests import NOW, make_click, make_full, make_slim

ORDER = [f"i{number}" for number in range(60)]


def test_clicks_exploration_and_weights_are_read_from_the_rows() -> None:
    """Slot 2 of three was explored with the item of greedy rank 12."""
    shown = ["i0", "i11", "i2"]
    props = [0.9, 0.001, 0.9]
    columns = {"shown": shown, "propensities": props, "arm": "explore", "limit": 3}
    full = make_full("r1", shortlist=ORDER, inclusion_probability=0.5, **columns)
    window = arrange_window([full], [make_slim("r1", **columns)], [make_click("r1", "i11")])
    records = window.records
    assert records.explored_slot.tolist() == [2]
    assert records.explored_rank.tolist() == [12]
    assert records.weight.tolist() == [2.0]
    assert records.greedy_propensity.tolist() == [0.9]
    assert records.explored_propensity.tolist() == [0.001]
    assert list(zip(records.click_record, records.click_slot, strict=True)) == [(0, 2)]
    assert window.totals.explored_click_slots.tolist() == [2]
    assert window.totals.explored_click_limits.tolist() == [3]
    assert window.totals.clicks.tolist() == [1.0]


def test_an_action_counts_once_per_request_and_item_and_only_of_the_kind_asked_for() -> None:
    rows = [make_full("r1", shortlist=ORDER)], [make_slim("r1")]
    feedback = [
        make_click("r1", "i0", event_id="a"),
        make_click("r1", "i0", event_id="b"),
        make_click("r1", "i1", kind="play"),
        make_click("", "i1"),
        make_click("r-unknown", "i1"),
    ]
    window = arrange_window(*rows, feedback)
    assert window.totals.clicks.tolist() == [1.0]
    plays = arrange_window(*rows, feedback, kind="play")
    assert plays.choices == (("i1",),)


def test_a_choice_that_was_not_shown_is_kept_as_a_choice_but_is_no_click() -> None:
    window = arrange_window(
        [make_full("r1", shortlist=ORDER)], [make_slim("r1")], [make_click("r1", "i40")]
    )
    assert window.choices == (("i40",),)
    assert window.totals.clicks.tolist() == [0.0]
    assert len(window.records.click_record) == 0


def test_equal_ranking_inputs_are_replayed_once_and_others_apart() -> None:
    changes: list[dict[str, object]] = [
        {},
        {},
        {"member": "other"},
        {"excluded": ["i3"]},
        {"limit": 2},
        {"delta_id": "d-2"},
        {"event_time": NOW + timedelta(days=1)},
    ]
    full = [make_full(f"r{at}", shortlist=ORDER, **one) for at, one in enumerate(changes)]
    slim = [make_slim(record.request_id, member=record.member) for record in full]
    window = arrange_window(full, slim, [])
    assert window.records.group.tolist() == [0, 0, 1, 2, 3, 4, 5]
    assert len(window.representatives) == 6


def test_requests_of_all_members_count_though_few_have_full_records() -> None:
    slim = [make_slim(f"r{at}", member=f"m{at % 3}") for at in range(30)]
    window = arrange_window([make_full("r4", shortlist=ORDER, member="m1")], slim, [])
    assert window.totals.requests.tolist() == [10.0, 10.0, 10.0]
    assert window.records.cluster.tolist() == [1]


def test_records_without_a_slate_or_a_slim_line_are_left_out() -> None:
    empty = make_full("r1", shortlist=[], shown=[], propensities=[])
    orphan = make_full("r2", shortlist=ORDER)
    window = arrange_window([empty, orphan], [make_slim("r1", shown=[], propensities=[])], [])
    assert window.representatives == ()
    assert window.members == ()


@pytest.mark.parametrize("row", [make_full("r", shortlist=ORDER), make_slim("r")])
def test_the_greedy_arm_explored_nothing(row: FullRequest | SlimRequest) -> None:
    assert explored_slot(row) == 0


def test_rows_of_the_fakes_are_valid_records() -> None:
    for row in (make_full("r", shortlist=ORDER), make_slim("r"), make_click("r", "i0")):
        assert type(row).model_validate(row.model_dump()) == row
    assert isinstance(make_click("r", "i0"), FeedbackEvent)
