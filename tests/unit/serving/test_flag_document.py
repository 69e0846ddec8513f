from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops.errors import FlagError
from recsysops.serving.flag_document import (
    MAX_DOCUMENT_BYTES,
    build_flag_document,
    dump_flag_document,
    parse_flag_document,
)
from recsysops.vocabulary import Hotfix

ENTRY: dict[str, object] = {
    "hotfix_id": "fix-1",
    "kind": "override_feature",
    "params": {"feature": "language", "values": {"12": "en", "13": None}},
    "percent": 25,
    "salt": "s1",
    "owner": "ada",
    "reason": "supplier sent the wrong language",
    "expires_at": "2026-05-01T00:00:00Z",
    "incident_id": "inc-1",
}


def text_of(*entries: object, **document: object) -> str:
    return json.dumps({"schema_version": 1, "hotfixes": list(entries), **document})


def changed(**changes: object) -> dict[str, object]:
    return {**ENTRY, **changes}


def test_a_document_is_read_into_typed_hotfixes() -> None:
    document = parse_flag_document(text_of(ENTRY))
    (hotfix,) = document.hotfixes
    assert hotfix.params == {"feature": "language", "values": {"12": "en", "13": None}}
    assert hotfix.percent == 25.0
    assert hotfix.expires_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_the_empty_document_is_valid_and_equals_the_built_one() -> None:
    assert parse_flag_document(text_of()) == build_flag_document()
    assert len(build_flag_document().version) == 12


def test_the_version_is_a_digest_of_content_not_of_spelling() -> None:
    reordered = json.dumps(json.loads(text_of(ENTRY)), sort_keys=True, indent=3)
    assert parse_flag_document(reordered).version == parse_flag_document(text_of(ENTRY)).version
    other = parse_flag_document(text_of(changed(percent=26)))
    assert other.version != parse_flag_document(text_of(ENTRY)).version


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (changed(percent=101), "hotfixes[0].percent"),
        (changed(percent=-1), "hotfixes[0].percent"),
        (changed(percent=True), "hotfixes[0].percent"),
        (changed(percent="10"), "hotfixes[0].percent"),
        (changed(percent=float("nan")), "hotfixes[0].percent"),
        (changed(kind="reboot"), "hotfixes[0]"),
        (changed(owner=""), "hotfixes[0].owner"),
        (changed(reason="x" * 501), "hotfixes[0].reason"),
        (changed(hotfix_id="../../etc"), "hotfixes[0].hotfix_id"),
        (changed(hotfix_id="two\nlines"), "hotfixes[0].hotfix_id"),
        (changed(salt=""), "hotfixes[0].salt"),
        (changed(expires_at="2026-05-01T00:00:00"), "hotfixes[0].expires_at"),
        (changed(expires_at="soon"), "hotfixes[0].expires_at"),
        (changed(expires_at="0001-01-01T00:00:00+14:00"), "hotfixes[0].expires_at"),
        (changed(expires_at="9999-12-31T23:59:59-14:00"), "hotfixes[0].expires_at"),
        (changed(surprise=1), "hotfixes[0].surprise"),
        (changed(params={"feature": "colour", "values": {"1": "red"}}), "hotfixes[0].params"),
        (changed(params={"feature": "language", "values": {}}), "hotfixes[0].params.values"),
        (changed(params={"feature": "year", "values": {"1": "x"}}), "hotfixes[0].params.values.1"),
        (
            changed(params={"feature": "year", "values": {"1": 10**9}}),
            "hotfixes[0].params.values.1",
        ),
        (changed(params={"feature": "price", "values": {"1": -2}}), "hotfixes[0].params.values.1"),
        (
            changed(params={"feature": "in_stock", "values": {"1": 1}}),
            "hotfixes[0].params.values.1",
        ),
        (changed(params={"feature": "genres", "values": {"1": "Drama"}}), "hotfixes[0].params"),
        (changed(params={"feature": "year", "values": {"a b": 1}}), "hotfixes[0].params.values"),
        (changed(kind="mask_feature", params={"block": "price"}), "hotfixes[0].params.block"),
        (changed(kind="mask_feature", params={"block": "year", "item_ids": []}), "item_ids"),
        (changed(kind="block_items", params={"item_ids": None}), "hotfixes[0].params.item_ids"),
        (changed(kind="popularity_fallback", params={"surface": "The moon"}), "params.surface"),
        (changed(kind="pin_model", params={}), "hotfixes[0].params.model_id"),
        (changed(kind="pin_model", params={"model_id": "m/../x"}), "hotfixes[0].params.model_id"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_one_line_naming_the_place(
    entry: dict[str, object], place: str
) -> None:
    with pytest.raises(FlagError) as caught:
        parse_flag_document(text_of(entry))
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", "[" * 100_000, "9" * 6_000, '{"schema_version":2,"hotfixes":[]}'],
)
def test_what_is_no_document_at_all_is_refused(text: str) -> None:
    with pytest.raises(FlagError, match=r"^[^\n]+$"):
        parse_flag_document(text)


def test_a_repeated_key_is_refused_though_json_readers_take_the_last() -> None:
    text = text_of(ENTRY).replace('"percent": 25', '"percent": 1, "percent": 100')
    with pytest.raises(FlagError, match="'percent' stands there twice"):
        parse_flag_document(text)


def test_repeated_ids_and_two_pinned_models_are_refused() -> None:
    with pytest.raises(FlagError, match="'fix-1' stands there twice"):
        parse_flag_document(text_of(ENTRY, ENTRY))
    pins = [
        changed(hotfix_id=f"pin-{one}", kind="pin_model", params={"model_id": f"m-{one}"})
        for one in (1, 2)
    ]
    with pytest.raises(FlagError, match="both pin a model"):
        parse_flag_document(text_of(*pins))


def test_too_many_hotfixes_items_or_bytes_are_refused() -> None:
    with pytest.raises(FlagError, match="hotfixes"):
        parse_flag_document(text_of(*(changed(hotfix_id=f"f{n}") for n in range(21))))
    many = changed(kind="block_items", params={"item_ids": [f"i{n}" for n in range(5_001)]})
    with pytest.raises(FlagError, match="item_ids"):
        parse_flag_document(text_of(many))
    with pytest.raises(FlagError, match="bytes"):
        parse_flag_document(" " * (MAX_DOCUMENT_BYTES + 1))


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,10}", fullmatch=True)
PARAMS = st.one_of(
    st.tuples(
        st.just("override_feature"),
        st.fixed_dictionaries(
            {
                "feature": st.just("genres"),
                "values": st.dictionaries(
                    IDS, st.none() | st.lists(WORDS, max_size=3).map(tuple), min_size=1, max_size=4
                ),
            }
        ),
    ),
    st.tuples(
        st.just("mask_feature"),
        st.fixed_dictionaries(
            {
                "block": st.sampled_from(["genre", "popularity"]),
                "item_ids": st.none() | st.lists(IDS, min_size=1, max_size=4).map(tuple),
            }
        ),
    ),
    st.tuples(
        st.just("popularity_fallback"),
        st.fixed_dictionaries({"surface": st.sampled_from([None, "home", "item"])}),
    ),
)


@given(
    drawn=PARAMS,
    percent=st.floats(0, 100),
    reason=WORDS,
    minutes=st.integers(-(10**6), 10**6),
    hotfix_id=IDS,
)
def test_whatever_is_built_survives_text_unchanged(
    drawn: tuple[str, dict[str, object]],
    percent: float,
    reason: str,
    minutes: int,
    hotfix_id: str,
) -> None:
    kind, params = drawn
    hotfix = Hotfix(
        hotfix_id=hotfix_id,
        kind=kind,  # type: ignore[arg-type]
        params=params,
        percent=percent,
        salt="s",
        owner="ada",
        reason=reason,
        expires_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes),
    )
    document = build_flag_document([hotfix])
    assert document.hotfixes == (hotfix,)
    assert parse_flag_document(dump_flag_document(document)) == document


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    with pytest.raises(FlagError):
        parse_flag_document(text)


def test_a_hotfix_that_is_no_json_is_refused_when_built() -> None:
    with pytest.raises(FlagError, match="not JSON"):
        build_flag_document(
            [
                Hotfix(
                    hotfix_id="f",
                    kind="block_items",
                    params={"item_ids": {1, 2}},
                    percent=1,
                    salt="s",
                    owner="o",
                    reason="r",
                    expires_at=datetime(2026, 1, 1, tzinfo=UTC),
                )
            ]
        )
