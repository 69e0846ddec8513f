"""Changes as text: what each form reads as, and one line for what does not fit."""

from __future__ import annotations

import pytest
from recsysops.errors import BadInput
from recsysops.serving.flag_document import build_flag_document, dump_flag_document
from recsysops.serving.what_if_change import parse_changes

from tests.fakes.small_catalogue import make_hotfix

BLOCK = make_hotfix("block_items", {"item_ids": ("i1", "i2")})
DOCUMENTS = {"fix.json": dump_flag_document(build_flag_document([BLOCK])), "broken": "{"}


def parse(*texts: str) -> list[tuple[str, dict[str, object]]]:
    found = parse_changes(list(texts), DOCUMENTS.__getitem__)
    return [(one.kind, dict(one.params)) for one in found]


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("i7:language=ja", "language", "ja"),
        ("i7:language=null", "language", None),
        ("i7:year=1999", "year", 1999),
        ("i7:genres=Drama, Sci-Fi", "genres", ("Drama", "Sci-Fi")),
        ("i7:genres=", "genres", ()),
        ("i7:price=3.5", "price", 3.5),
        ("i7:in_stock=false", "in_stock", False),
    ],
)
def test_a_feature_is_read_by_its_field(text: str, feature: str, value: object) -> None:
    expected = {"feature": feature, "values": {"i7": value}}
    assert parse(f"feature={text}") == [("override_feature", expected)]


def test_an_item_id_may_hold_colons() -> None:
    (found,) = parse("feature=shop:12:year=1990")
    assert found[1]["values"] == {"shop:12": 1990}


def test_changes_combine_in_the_order_given() -> None:
    found = parse("model=m-2", "hotfix=fix.json", "feature=i1:year=2000")
    assert [kind for kind, _ in found] == ["pin_model", "block_items", "override_feature"]
    assert found[0][1] == {"model_id": "m-2"}
    assert found[1][1] == {"item_ids": ("i1", "i2")}


def test_several_features_are_several_changes() -> None:
    assert len(parse("feature=i1:year=2000", "feature=i1:language=fr")) == 2


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["model="], "is none of model=ID"),
        (["colour=red"], "is none of model=ID"),
        (["feature=i1"], "no ITEM:FIELD=VALUE"),
        (["feature=i1:colour=red"], "fields are genres, year"),
        (["feature=i1:year=soon"], "year 'soon' is neither a value nor null"),
        (["feature=i1:year=99999"], "--with: hotfixes"),
        (["feature=i1:price=-1"], "--with: hotfixes"),
        (["feature=i1:in_stock=1"], "--with: hotfixes"),
        (["feature=no item:year=1990"], "--with: hotfixes"),
        (["model=no id"], "--with: hotfixes"),
        (["model=m-1", "model=m-2"], "both pin a model"),
        (["hotfix=broken"], "--with hotfix=broken: hotfix document is not JSON"),
        (["hotfix=fix.json", "hotfix=fix.json"], "stands there twice"),
    ],
)
def test_what_does_not_fit_is_one_line(texts: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        parse(*texts)
    assert "\n" not in str(caught.value)
