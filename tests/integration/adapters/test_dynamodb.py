"""The DynamoDB adapters against moto, and against a service that fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recsysops.adapters.dynamodb_batches import write_rows
from recsysops.adapters.dynamodb_events import REMEMBERED_EVENTS, DynamoRecordedEvents
from recsysops.adapters.dynamodb_incidents import DynamoIncidents
from recsysops.adapters.dynamodb_items import DynamoItems, item_from_row, item_to_row
from recsysops.adapters.dynamodb_members import DynamoMembers
from recsysops.adapters.dynamodb_models import DynamoModels
from recsysops.errors import BadData, ConflictError, DependencyError
from recsysops.vocabulary import ItemFeatures, ModelEntry

NOW = datetime(2026, 11, 1, 12, 30, 15, 123000, tzinfo=UTC)

ITEM = ItemFeatures(
    item_id="1029",
    title="Dumbo",
    genres=("Animation", "Children"),
    year=1941,
    language="en",
    price=3.5,
    in_stock=True,
    launch_date=date(2026, 11, 20),
    source="supplier-1",
    batch="2026-10-30",
    version=3,
    simulated=("language", "price"),
    anticipation=41.0,
)
BARE = replace(
    ITEM, item_id="2", genres=(), year=None, language=None, price=None, in_stock=None,
    launch_date=None, simulated=(), anticipation=None,
)  # fmt: skip

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
items = st.builds(
    ItemFeatures,
    item_id=st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True),
    title=texts,
    genres=st.lists(texts, max_size=4).map(tuple),
    year=st.none() | st.integers(0, 9999),
    language=st.none() | texts,
    price=st.none() | st.floats(0, 1e9),
    in_stock=st.none() | st.booleans(),
    launch_date=st.none() | st.dates(),
    source=texts,
    batch=texts,
    version=st.integers(0, 10**9),
    simulated=st.lists(texts, max_size=3).map(tuple),
    anticipation=st.none() | st.floats(0, 1e9),
)


def throttled(stubber: Stubber, method: str, times: int) -> None:
    for _ in range(times):
        stubber.add_client_error(method, "ProvisionedThroughputExceededException", "slow down", 400)


@given(items)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_item_survives_its_row(item: ItemFeatures) -> None:
    assert item_from_row(item_to_row(item)) == item


def test_items_come_back_as_written_and_the_later_of_two_stays(dynamodb) -> None:
    store = DynamoItems(dynamodb, "item_ids")
    store.put_many([ITEM, BARE, replace(ITEM, version=4)])
    found = {item.item_id: item for item in store.scan()}
    assert found == {"1029": replace(ITEM, version=4), "2": BARE}


def test_more_items_than_a_batch_and_than_a_page_all_come_back(dynamodb) -> None:
    store = DynamoItems(dynamodb, "item_ids")
    # 700 items of 2 KB are more than one 1 MB page of a scan
    many = [replace(ITEM, item_id=str(n), title="x" * 2000) for n in range(700)]
    store.put_many(many)
    assert sorted(store.scan(), key=lambda one: int(one.item_id)) == many


def test_an_upstream_job_may_write_nulls_and_sets() -> None:
    row = item_to_row(ITEM) | {"year": {"NULL": True}, "genres": {"SS": ["b", "a"]}}
    item = item_from_row(row)
    assert item.year is None
    assert item.genres == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("year", {"S": "n/a"}, "1029: attribute year"),
        ("price", {"N": "cheap"}, "1029: attribute price"),
        ("launch_date", {"S": "soon"}, "1029: attribute launch_date"),
        ("anticipation", {"S": "lots"}, "1029: attribute anticipation"),
        ("source", {"NULL": True}, "1029: attribute source is missing"),
    ],
)
def test_a_garbled_attribute_is_bad_data_that_names_the_item(name, value, words) -> None:
    with pytest.raises(BadData, match=words):
        item_from_row(item_to_row(ITEM) | {name: value})


@pytest.mark.parametrize("name", ["price", "anticipation"])
def test_what_is_no_number_is_refused_before_it_is_written(dynamodb, name: str) -> None:
    store = DynamoItems(dynamodb, "item_ids")
    with pytest.raises(BadData, match=f"1029: {name} nan"):
        store.put_many([replace(ITEM, **{name: float("nan")})])
    assert list(store.scan()) == []


def test_what_the_service_left_unprocessed_is_written_again(aws: None) -> None:
    client, waits = boto3.client("dynamodb"), []
    rows = [{"item_id": {"S": name}} for name in "ab"]
    left = {"t": [{"PutRequest": {"Item": rows[1]}}]}
    with Stubber(client) as stubber:
        stubber.add_response("batch_write_item", {"UnprocessedItems": left})
        stubber.add_response("batch_write_item", {}, {"RequestItems": left})
        write_rows(client, "t", rows, key="item_id", sleep=waits.append)
        stubber.assert_no_pending_responses()
    assert len(waits) == 1


def test_rows_that_stay_unprocessed_are_an_error_that_counts_them() -> None:
    client = boto3.client("dynamodb")
    rows = [{"item_id": {"S": name}} for name in "ab"]
    left = {"t": [{"PutRequest": {"Item": rows[1]}}]}
    with Stubber(client) as stubber:
        for _ in range(8):
            stubber.add_response("batch_write_item", {"UnprocessedItems": left})
        with pytest.raises(DependencyError, match="1 of 2 rows stayed unprocessed"):
            write_rows(client, "t", rows, key="item_id", sleep=lambda _: None)


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("get_item", lambda client: DynamoMembers(client, "t").get("1")),
        ("get_item", lambda client: DynamoIncidents(client, "t").get("1")),
        ("scan", lambda client: list(DynamoItems(client, "t").scan())),
        ("scan", lambda client: DynamoModels(client, "t").entries()),
        ("batch_write_item", lambda client: DynamoItems(client, "t").put_many([ITEM])),
        ("put_item", lambda client: DynamoModels(client, "t").put(ModelEntry("m", "retired", NOW))),
    ],
)
def test_throttling_is_a_dependency_error_with_amazons_word_for_it(method, call) -> None:
    client = boto3.client("dynamodb")
    with Stubber(client) as stubber:
        throttled(stubber, method, 1)
        with pytest.raises(DependencyError, match="ProvisionedThroughputExceededException"):
            call(client)


def test_a_missing_table_is_no_missing_member(dynamodb) -> None:
    with pytest.raises(DependencyError, match="ResourceNotFoundException"):
        DynamoMembers(dynamodb, "no-such-table").get("1")


def test_models_come_back_newest_first(dynamodb) -> None:
    registry = DynamoModels(dynamodb, "model_ids")
    old = ModelEntry("m-1", "retired", NOW - timedelta(days=1), {"hit_at_10": 0.1})
    new = ModelEntry("m-2", "production", NOW, {})
    registry.put(old)
    registry.put(new)
    assert registry.entries() == [new, old]


@pytest.mark.parametrize(
    "change", [{"status": {"S": "best"}}, {"trained_at": {"S": "now"}}, {"metrics": {"S": "{"}}]
)
def test_a_garbled_registry_entry_is_bad_data(dynamodb, change) -> None:
    registry = DynamoModels(dynamodb, "model_ids")
    registry.put(ModelEntry("m-1", "retired", NOW))
    row = dynamodb.get_item(TableName="model_ids", Key={"model_id": {"S": "m-1"}})["Item"]
    dynamodb.put_item(TableName="model_ids", Item=row | change)
    with pytest.raises(BadData, match="model m-1"):
        registry.entries()


def test_an_item_is_written_over_only_by_a_newer_version(dynamodb) -> None:
    store = DynamoItems(dynamodb, "item_ids")
    store.put_newer(ITEM)
    store.put_newer(ITEM)
    for late in (replace(ITEM, title="Other"), replace(ITEM, version=2)):
        with pytest.raises(ConflictError, match="or a newer one is stored already"):
            store.put_newer(late)
    store.put_newer(replace(ITEM, version=10))
    assert [item.version for item in store.scan()] == [10]


def test_recorded_events_come_back_bounded_and_with_an_end(dynamodb) -> None:
    store = DynamoRecordedEvents(dynamodb, "member_ids", seconds=lambda: 1_000.0)
    store.remember({"17": [f"e{n}" for n in range(REMEMBERED_EVENTS + 2)], "18": ["x"]})
    recalled = store.recall(["17", "18", "nobody", "17"])
    assert set(recalled) == {"17", "18"}
    assert (len(recalled["17"]), recalled["17"][0]) == (REMEMBERED_EVENTS, "e2")
    row = dynamodb.get_item(TableName="member_ids", Key={"member_id": {"S": "17"}})["Item"]
    assert row["expires_at"] == {"N": str(1_000 + 14 * 86_400)}


def test_recorded_events_that_stay_unanswered_are_an_error_that_counts_them() -> None:
    key = {"member_id": {"S": "17"}}

    class Throttled:
        def batch_get_item(self, **asked):
            return {"Responses": {}, "UnprocessedKeys": {"events": {"Keys": [key]}}}

    with pytest.raises(DependencyError, match="1 rows were not answered"):
        DynamoRecordedEvents(Throttled(), "events", sleep=lambda _: None).recall(["17"])


def test_a_garbled_row_of_recorded_events_is_bad_data(dynamodb) -> None:
    dynamodb.put_item(TableName="member_ids", Item={"member_id": {"S": "17"}, "events": {"N": "1"}})
    with pytest.raises(BadData, match="recorded events"):
        DynamoRecordedEvents(dynamodb, "member_ids").recall(["17"])


def test_a_mistyped_row_is_rejected_by_its_id_and_the_others_are_read(dynamodb) -> None:
    store, rejected = DynamoItems(dynamodb, "item_ids"), {}
    store.put_many([ITEM])
    bad = item_to_row(replace(ITEM, item_id="7")) | {"price": {"S": "cheap"}}
    dynamodb.put_item(TableName="item_ids", Item=bad)
    assert list(store.scan(reject=rejected.__setitem__)) == [ITEM]
    assert list(rejected) == ["7"]
    assert "attribute price" in rejected["7"]
    with pytest.raises(BadData, match="item 7: attribute price"):
        list(store.scan())
