from __future__ import annotations

from datetime import timedelta

import pytest
from recsysops.errors import ConflictError, FlagError, NotFound
from recsysops.resolution.deployment import (
    read_current,
    refuse_stale_base,
    validate_deployment,
    with_hotfix,
    without_hotfix,
)
from recsysops.serving.flag_document import build_flag_document, dump_flag_document

from tests.fakes.small_catalogue import NOW, make_hotfix

EMPTY = build_flag_document()
ITEMS = {f"i{number}" for number in range(10)}
BLOCK = make_hotfix("block_items", {"item_ids": ("i1", "i2")})


def validate(hotfix, current=EMPTY, items=ITEMS, models=("m-1",)):
    return validate_deployment(
        with_hotfix(current, hotfix), current, known_items=items, known_models=models, now=NOW
    )


def test_a_sound_hotfix_passes_and_comes_back_parsed() -> None:
    assert validate(BLOCK).hotfixes == (BLOCK,)


@pytest.mark.parametrize(
    ("hotfix", "says"),
    [
        (make_hotfix("block_items", {"item_ids": ("i1", "ghost")}), "1 of 2 items .* 'ghost'"),
        (make_hotfix("pin_model", {"model_id": "m-9"}), "no model 'm-9'"),
        (make_hotfix("mask_feature", {"block": "year"}, expires_at=NOW), "has passed"),
        (
            make_hotfix("mask_feature", {"block": "year"}, expires_at=NOW + timedelta(days=31)),
            "more than 30 days",
        ),
        (make_hotfix("block_items", {"item_ids": tuple(sorted(ITEMS))[:6]}), "at most 50%"),
    ],
)
def test_what_would_harm_is_refused_in_one_line(hotfix, says: str) -> None:
    with pytest.raises(FlagError, match=says):
        validate(hotfix)


def test_a_raw_document_is_judged_by_the_same_rules() -> None:
    text = dump_flag_document(build_flag_document([BLOCK]))
    checked = validate_deployment(text, EMPTY, known_items=ITEMS, known_models=(), now=NOW)
    assert checked.hotfixes == (BLOCK,)
    with pytest.raises(FlagError):
        validate_deployment("{}", EMPTY, known_items=ITEMS, known_models=(), now=NOW)


def test_what_is_deployed_already_is_not_judged_again() -> None:
    """Its items may have left the catalogue since; that must not stop an emergency change."""
    current = build_flag_document([BLOCK])
    added = make_hotfix("mask_feature", {"block": "year"})
    assert len(validate(added, current, items={"i9"}).hotfixes) == 2


def test_a_hotfix_of_the_same_id_is_replaced() -> None:
    current = build_flag_document([BLOCK])
    smaller = make_hotfix("block_items", {"item_ids": ("i1",)})
    assert with_hotfix(current, smaller).hotfixes == (smaller,)


def test_a_change_planned_against_another_document_is_refused() -> None:
    refuse_stale_base(EMPTY, EMPTY.version)
    refuse_stale_base(EMPTY, None)
    with pytest.raises(ConflictError, match="somebody else"):
        refuse_stale_base(EMPTY, "000000000000")


def test_removing_an_unknown_hotfix_names_the_deployed_ones() -> None:
    current = build_flag_document([BLOCK])
    assert without_hotfix(current, BLOCK.hotfix_id) == EMPTY
    with pytest.raises(NotFound, match=BLOCK.hotfix_id):
        without_hotfix(current, "other")


def test_nothing_deployed_reads_as_the_empty_document_and_garbage_as_an_error() -> None:
    assert read_current("") == EMPTY
    with pytest.raises(FlagError, match="kill switch"):
        read_current("{garbage")
