from __future__ import annotations

import numpy as np
import pytest
from recsysops.errors import BadData
from recsysops.learning.factors import FACTORS
from recsysops.learning.item_space import build_item_space, choose_vocabularies
from recsysops.learning.table import align_rows

from tests.fakes.choices import plain_item, rows_of

CHOSEN = [("a", "1", 0.0), ("b", "2", 1.0), ("a", "2", 2.0)]
ITEMS = [
    plain_item("1", genres=("Drama", "Crime"), year=1990, language="fr"),
    plain_item("2", genres=("Drama",), year=2010, language="en"),
    plain_item("3", genres=("Typo",), year=3000, language="zz"),
]


def test_vocabularies_come_from_chosen_items_only() -> None:
    encoder = choose_vocabularies(align_rows(rows_of(CHOSEN), ITEMS))
    assert encoder.genres == ("Crime", "Drama")
    assert encoder.languages == ("en", "fr")
    assert encoder.year_knots[0] == 1990.0
    assert encoder.year_knots[-1] == 2013.0


def test_an_untried_item_has_content_and_no_factors() -> None:
    items = [*ITEMS, plain_item("4", genres=("Crime",), year=2012, language="fr")]
    space = build_item_space(align_rows(rows_of(CHOSEN), items), seed=1)
    width = space.encoder.content_width
    assert space.content[3].any()
    assert not space.factors[3].any()
    assert space.matrix.shape == (4, width + FACTORS)
    assert space.matrix.dtype == np.float32
    assert not space.matrix[3, width:].any()


def test_items_without_any_year_still_encode() -> None:
    items = [plain_item("1", year=None), plain_item("2", year=None)]
    encoder = choose_vocabularies(align_rows(rows_of(CHOSEN), items))
    assert len(encoder.year_knots) >= 2
    assert encoder.encode(items[0]).sum() == 2.0  # one genre, one language


def test_choices_of_items_that_are_gone_are_dropped_and_counted() -> None:
    table = align_rows(rows_of([*CHOSEN, ("c", "9", 3.0)]), reversed(ITEMS))
    assert table.dropped_rows == 1
    assert [item.item_id for item in table.items] == ["1", "2", "3"]
    assert [table.items[code].item_id for code in table.rows.items] == ["1", "2", "2"]


@pytest.mark.parametrize("items", [[], [plain_item("9")]])
def test_nothing_to_train_on_is_said_in_one_line(items: list) -> None:
    with pytest.raises(BadData, match="nothing to train on"):
        align_rows(rows_of(CHOSEN), items)


def test_no_choices_at_all_are_nothing_to_train_on() -> None:
    with pytest.raises(BadData, match="none of 0 choices"):
        align_rows(rows_of([]), ITEMS)


def test_an_item_listed_twice_is_refused() -> None:
    with pytest.raises(BadData, match="twice"):
        align_rows(rows_of(CHOSEN), [*ITEMS, ITEMS[0]])
