from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import BadInput
from recsysops.learning.histories import Queries, index_members, sum_histories
from recsysops.learning.popularity import decayed_plays
from recsysops.model.feedback_weights import (
    PLAYS_ONLY,
    FeedbackWeights,
    RatingStep,
    parse_feedback_weights,
    weigh_choices,
)
from recsysops.model.interactions import make_interactions

from tests.fakes.choices import START, rows_of

BY_VALUE = FeedbackWeights(
    rating=(RatingStep(at_least=3.0, weight=0.5), RatingStep(at_least=4.5, weight=2.0))
)


def test_by_default_only_plays_count_and_rows_come_back_as_they_are() -> None:
    rows = rows_of([("a", "x", 0.0), ("b", "x", 2.0)])
    assert weigh_choices(rows, parse_feedback_weights(""), kind="play") is rows
    (only,) = PLAYS_ONLY.classes()
    assert (only.kind, only.weight, only.at_least, only.below) == ("play", 1.0, None, None)


@given(st.lists(st.sampled_from([0.5, 2.5, 3.0, 4.0, 4.5, 5.0]), max_size=20))
def test_every_rating_is_in_at_most_one_class_and_worth_what_its_step_says(
    values: list[float],
) -> None:
    expected = [0.0 if v < 3.0 else 0.5 if v < 4.5 else 2.0 for v in values]
    assert BY_VALUE.weigh("rating", np.array(values, np.float32)).tolist() == expected


def test_what_is_worth_nothing_is_left_out_and_the_rest_keeps_its_weight() -> None:
    rows = make_interactions(
        members=["a", "a", "b"], items=["x", "y", "x"],
        times=np.array([1.0, 2.0, 3.0]), values=np.array([5.0, 1.0, 3.0], np.float32),
    )  # fmt: skip
    weighed = weigh_choices(rows, BY_VALUE, kind="rating")
    assert weighed.weights is not None
    assert weighed.weights.tolist() == [2.0, 0.5]
    assert weighed.before(3.0).weights.tolist() == [2.0]  # type: ignore[union-attr]
    assert (weighed.member_ids, weighed.item_ids) == (rows.member_ids, rows.item_ids)
    assert weighed.content_hash != rows.take(np.array([True, False, True])).content_hash


@given(st.lists(st.integers(1, 3), min_size=1, max_size=12))
def test_a_weight_counts_as_the_same_row_repeated(repeats: list[int]) -> None:
    """Popularity and histories of weighed rows against those of rows written down so often."""
    times = np.arange(len(repeats), dtype=float) * 3_600.0 + START
    members, items = ["m"] * len(repeats), [f"i{n % 3}" for n in range(len(repeats))]
    values = np.array(repeats, np.float32)
    steps = tuple(RatingStep(at_least=float(n), weight=float(n)) for n in (1, 2, 3))
    once = make_interactions(members=members, items=items, times=times, values=values)
    weighed = weigh_choices(once, FeedbackWeights(rating=steps), kind="rating")
    copies = [n for n, count in enumerate(repeats) for _ in range(count)]
    repeated = make_interactions(
        members=[members[n] for n in copies], items=[items[n] for n in copies],
        times=times[copies], values=values[copies],
    )  # fmt: skip
    end = float(times[-1]) + 86_400.0
    queries = Queries(np.zeros(1, np.intp), np.array([end]))
    traits = np.eye(len(once.item_ids))
    for half_life in (0.5, 3.0):
        popular = [
            decayed_plays(r, at=end, half_life_days=[half_life]) for r in (weighed, repeated)
        ]
        assert popular[0] == pytest.approx(popular[1])
        histories = [
            sum_histories(r, index_members(r), queries, traits=traits, half_life_days=half_life)
            for r in (weighed, repeated)
        ]
        assert histories[0].sums == pytest.approx(histories[1].sums)
        assert histories[0].totals == pytest.approx(histories[1].totals)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"click": -1}, "click"),
        ({"like": 1}, "like"),
        ({"rating": [{"at_least": 4, "weight": 1}, {"at_least": 3, "weight": 2}]}, "ascend"),
        ({"play": 1e9}, "play"),
    ],
)
def test_weights_that_make_no_sense_are_refused_with_the_place(
    document: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInput, match=f"feedback weights: .*{words}"):
        parse_feedback_weights(json.dumps(document))
