"""The DynamoDB adapters against moto, and against a service that fails."""

from __future__ import annotations

from collections import Counter
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
from recsysops.adapters.dynamodb_members import SESSION_SECONDS, DynamoMembers
from recsysops.adapters.dynamodb_models import DynamoModels
from recsysops.adapters.seen_items import SEEN_LIMIT
from recsysops.errors import BadData, ConflictError, DependencyError, NotFound
from recsysops.vocabulary import (
    Finding,
    Incident,
    ItemFeatures,
    Member,
    ModelEntry,
    Window,
)

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


def test_members_come_back_as_written(dynamodb) -> None:
    store = DynamoMembers(dynamodb, "member_ids")
    member = Member("17", {"m-1": b"\x00\xffRV"}, ("a", "b"), "salt")
    store.put_many([member])
    assert store.get("17") == member
    assert store.get("18") is None
    assert list(store.scan()) == [member]


def test_seen_items_grow_in_order_and_keep_vectors_and_salt(dynamodb) -> None:
    store = DynamoMembers(dynamodb, "member_ids", make_salt=lambda: "fresh")
    store.put_many([Member("17", {"m-1": b"v"}, ("a",), "salt")])
    store.add_seen("17", ["b", "a"])
    store.add_seen("new", ["x"])
    store.add_seen("new", ["y"])
    assert store.get("17") == Member("17", {"m-1": b"v"}, ("b", "a"), "salt")
    assert store.get("new") == Member("new", {}, ("x", "y"), "fresh")


def test_a_deleted_member_comes_back_with_another_salt(dynamodb) -> None:
    salts = iter(("first", "second"))
    store = DynamoMembers(dynamodb, "member_ids", make_salt=lambda: next(salts))
    assert store.add_seen("17", ["a"]) == "first"
    assert store.delete("17")
    assert store.get("17") is None
    assert not store.delete("17")
    assert store.add_seen("17", ["b"]) == "second"
    assert store.get("17") == Member("17", {}, ("b",), "second")


def test_the_largest_seen_list_fits_into_a_row(dynamodb) -> None:
    store = DynamoMembers(dynamodb, "member_ids")
    longest = tuple(f"{n:0>64}" for n in range(SEEN_LIMIT + 1))
    store.put_many([Member("17", {"m-1": b"v" * 4096}, longest, "salt")])
    member = store.get("17")
    assert member is not None
    assert member.seen == longest[1:]


def test_two_writers_of_seen_items_do_not_overwrite_each_other(dynamodb) -> None:
    other = DynamoMembers(dynamodb, "member_ids")
    other.put_many([Member("17", {}, (), "salt")])

    class Meddler:
        """Writes between another writer's read and its write, once."""

        meddled = False

        def get_item(self, **place):
            answer = dynamodb.get_item(**place)
            if not self.meddled:
                self.meddled = True
                other.add_seen("17", ["theirs"])
            return answer

        def update_item(self, **change):
            return dynamodb.update_item(**change)

    DynamoMembers(Meddler(), "member_ids", sleep=lambda _: None).add_seen("17", ["ours"])
    member = other.get("17")
    assert member is not None
    assert member.seen == ("theirs", "ours")


class Counting:
    """A client that counts its calls."""

    def __init__(self, client) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str):
        def call(**arguments: object) -> object:
            self.calls[name] += 1
            return getattr(self._client, name)(**arguments)

        return call


def test_many_members_are_read_at_once_and_only_those_who_change_are_written(dynamodb) -> None:
    client = Counting(dynamodb)
    store = DynamoMembers(client, "member_ids")
    store.put_many(Member(f"m{n}", {"m-1": b"v"}, ("old",), f"salt-{n}") for n in range(99))
    client.calls.clear()
    salts = store.add_seen_many({f"m{n}": () for n in range(100)})
    assert client.calls == {"batch_get_item": 1, "update_item": 1}, "m99 is new and gets a salt"
    assert salts.failed == {}
    assert all(salts.salts[f"m{n}"] == f"salt-{n}" for n in range(99))
    client.calls.clear()
    added = store.add_seen_many({f"m{n}": ("a", "b") for n in range(5)})
    assert client.calls == {"batch_get_item": 1, "update_item": 5}
    assert added.salts == {name: salts.salts[name] for name in added.salts}
    member = store.get("m3")
    assert member == Member("m3", {"m-1": b"v"}, ("old", "a", "b"), "salt-3")
    client.calls.clear()
    store.add_seen_many({"m3": ("a", "b")})
    assert client.calls == {"batch_get_item": 1}, "nothing new, nothing written"


def test_one_garbled_row_stops_no_other_member(dynamodb) -> None:
    dynamodb.put_item(TableName="member_ids", Item={"member_id": {"S": "1"}, "seen": {"N": "1"}})
    added = DynamoMembers(dynamodb, "member_ids").add_seen_many({"1": ("a",), "2": ("a",)})
    assert list(added.salts) == ["2"]
    assert isinstance(added.failed["1"], BadData)


def test_keys_that_stay_unanswered_are_an_error_and_others_are_asked_for_again(dynamodb) -> None:
    class Slow(Counting):
        def batch_get_item(self, RequestItems):  # noqa: N803 - boto3's name
            self.calls["batch_get_item"] += 1
            ((table, asked),) = RequestItems.items()
            some = {**asked, "Keys": asked["Keys"][: self.calls["never"] or 2]}
            answer = dynamodb.batch_get_item(RequestItems={table: some})
            left = {**asked, "Keys": asked["Keys"][2:]}
            return {**answer, "UnprocessedKeys": {table: left} if left["Keys"] else {}}

    client = Slow(dynamodb)
    store = DynamoMembers(client, "member_ids", sleep=lambda _: None)
    store.put_many(Member(f"m{n}", {}, (), f"salt-{n}") for n in range(7))
    wanted = {f"m{n}": () for n in range(7)}
    assert store.add_seen_many(wanted).salts == {f"m{n}": f"salt-{n}" for n in range(7)}
    assert client.calls["batch_get_item"] == 4
    with pytest.raises(DependencyError, match="84 rows were not answered after 8 tries"):
        store.add_seen_many({f"x{n}": () for n in range(100)})


def test_rows_that_only_feedback_makes_expire_and_others_never(dynamodb) -> None:
    clock = [1_000.0]
    store = DynamoMembers(dynamodb, "member_ids", seconds=lambda: clock[0])

    def expiry(member_id: str) -> int | None:
        key = {"member_id": {"S": member_id}}
        row = dynamodb.get_item(TableName="member_ids", Key=key)["Item"]
        return int(row["expires_at"]["N"]) if "expires_at" in row else None

    store.put_many([Member("trained", {"m-1": b"v"}, (), "salt")])
    for name in ("trained", "session", "written", "learned"):
        store.add_seen(name, ["a"])
    assert {name: expiry(name) for name in ("trained", "session")} == {
        "trained": None, "session": 1_000 + SESSION_SECONDS,
    }  # fmt: skip
    clock[0] += 500.0
    store.add_seen_many({"session": ["b"], "trained": ["b"]})
    assert (expiry("session"), expiry("trained")) == (1_500 + SESSION_SECONDS, None)
    store.put_newer("written", version=1, vectors=None, seen=["c"])
    store.update_many(["learned"], lambda _, known: replace(known, vectors={"m-1": b"v"}))
    for name in ("written", "learned"):
        assert expiry(name) is None, "somebody else knows them now"
        store.add_seen(name, ["d"])
        assert expiry(name) is None


def test_a_writer_who_always_loses_says_so() -> None:
    client = boto3.client("dynamodb")
    with Stubber(client) as stubber:
        for _ in range(6):
            stubber.add_response("get_item", {})
            stubber.add_client_error("update_item", "ConditionalCheckFailedException", "x", 400)
        with pytest.raises(ConflictError, match="6 tries"):
            DynamoMembers(client, "member_ids", sleep=lambda _: None).add_seen("17", ["a"])


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


def test_a_member_row_without_its_salt_is_bad_data(dynamodb) -> None:
    dynamodb.put_item(TableName="member_ids", Item={"member_id": {"S": "17"}})
    with pytest.raises(BadData, match="'salt'"):
        DynamoMembers(dynamodb, "member_ids").get("17")


def test_a_member_row_without_a_salt_gets_one_that_add_seen_returns(dynamodb) -> None:
    dynamodb.put_item(TableName="member_ids", Item={"member_id": {"S": "17"}})
    store = DynamoMembers(dynamodb, "member_ids")
    salt = store.add_seen("17", ["a"])
    assert store.get("17") == Member("17", {}, ("a",), salt)
    assert store.add_seen("17", ["b"]) == salt


def test_a_member_row_with_another_type_of_seen_items_is_bad_data(dynamodb) -> None:
    row = {"member_id": {"S": "17"}, "salt": {"S": "s"}, "seen": {"L": []}}
    dynamodb.put_item(TableName="member_ids", Item=row)
    with pytest.raises(BadData, match="mistypes 'S'"):
        DynamoMembers(dynamodb, "member_ids").add_seen("17", ["a"])


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


def make_incident(incident_id: str, *, hours: int = 0, status: str = "open") -> Incident:
    finding = Finding(
        audit="nulls",
        finding_id="nulls-1",
        component="item_features",
        metric="null_share",
        subject="language",
        slice={"source": "supplier-3"},
        baseline=0.01,
        observed=0.12,
        effect=0.11,
        effect_floor=0.02,
        p_value=1e-12,
        alarm=True,
        evidence={"query_execution_id": "q-1", "items": ["1", "2"], "n": 3},
    )
    window = Window(NOW, NOW + timedelta(days=1))
    return Incident(
        incident_id=incident_id,
        status=status,  # type: ignore[arg-type]
        component="item_features",
        subject="language",
        title="language is null — 12 %",
        severity="high",
        detected_at=NOW + timedelta(hours=hours),
        window=window,
        reference=None,
        findings=(finding,),
        timeline=({"at": NOW.isoformat(), "what": "detected"},),
        diagnosis={"verdict": "input", "items": ["1", "2"]},
    )


def test_incidents_come_back_as_written_newest_first_and_by_status(dynamodb) -> None:
    book = DynamoIncidents(dynamodb, "incident_ids")
    first, second = make_incident("inc-1"), make_incident("inc-2", hours=1, status="resolved")
    book.put(first)
    book.put(second)
    assert book.get("inc-1") == first
    assert book.list_incidents() == [second, first]
    assert book.list_incidents("open") == [first]
    with pytest.raises(NotFound, match="inc-9"):
        book.get("inc-9")


def test_a_garbled_incident_is_bad_data_that_names_it(dynamodb) -> None:
    row = {"incident_id": {"S": "inc-1"}, "document": {"S": '{"incident_id": 3}'}}
    dynamodb.put_item(TableName="incident_ids", Item=row)
    with pytest.raises(BadData, match="incident inc-1"):
        DynamoIncidents(dynamodb, "incident_ids").get("inc-1")


def test_an_item_is_written_over_only_by_a_newer_version(dynamodb) -> None:
    store = DynamoItems(dynamodb, "item_ids")
    store.put_newer(ITEM)
    store.put_newer(ITEM)
    for late in (replace(ITEM, title="Other"), replace(ITEM, version=2)):
        with pytest.raises(ConflictError, match="or a newer one is stored already"):
            store.put_newer(late)
    store.put_newer(replace(ITEM, version=10))
    assert [item.version for item in store.scan()] == [10]


def test_a_member_is_written_over_only_by_a_newer_version_and_keeps_the_rest(dynamodb) -> None:
    store = DynamoMembers(dynamodb, "member_ids", make_salt=lambda: "fresh")
    store.put_many([Member("17", {"m-1": b"v"}, ("a",), "salt")])
    store.put_newer("17", version=4, vectors={"m-2": b"w"}, seen=None)
    assert store.get("17") == Member("17", {"m-2": b"w"}, ("a",), "salt")
    with pytest.raises(ConflictError, match="version 4 or a newer one"):
        store.put_newer("17", version=4, vectors=None, seen=("b",))
    store.put_newer("17", version=5, vectors=None, seen=("b", "c"))
    store.add_seen("17", ["d"])
    assert store.get("17") == Member("17", {"m-2": b"w"}, ("b", "c", "d"), "salt")
    store.put_newer("new", version=1, vectors=None, seen=("a",))
    assert store.get("new") == Member("new", {}, ("a",), "fresh")


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


def with_vector(member_id: str, known: Member | None) -> Member:
    plain = known or Member(member_id, {}, (), "fresh")
    return replace(plain, vectors={**plain.vectors, "m-2": b"new"})


def test_members_are_updated_and_made_side_by_side(dynamodb) -> None:
    store = DynamoMembers(dynamodb, "member_ids")
    store.put_many([Member("17", {"m-1": b"v"}, ("a",), "salt"), Member("18", {}, (), "salt")])
    store.update_many(["17", "new"], with_vector)
    assert store.get("17") == Member("17", {"m-1": b"v", "m-2": b"new"}, ("a",), "salt")
    assert store.get("18") == Member("18", {}, (), "salt")
    assert store.get("new") == Member("new", {"m-2": b"new"}, (), "fresh")


@pytest.mark.parametrize("known", [True, False])
def test_what_a_member_sees_while_being_updated_is_not_lost(dynamodb, known: bool) -> None:
    store = DynamoMembers(dynamodb, "member_ids", sleep=lambda _: None)
    if known:
        store.put_many([Member("17", {"m-1": b"v"}, ("a",), "salt")])
    asked: list[Member | None] = []

    def change(member_id: str, member: Member | None) -> Member:
        asked.append(member)
        if len(asked) == 1:
            store.add_seen("17", ["meanwhile"])
        return with_vector(member_id, member)

    store.update_many(["17"], change)
    member = store.get("17")
    assert member is not None
    assert member.seen == (("a", "meanwhile") if known else ("meanwhile",))
    assert member.vectors["m-2"] == b"new"
    assert len(asked) == 2


def test_a_member_whose_row_never_stands_still_is_a_conflict(dynamodb) -> None:
    store = DynamoMembers(dynamodb, "member_ids", sleep=lambda _: None)

    def change(member_id: str, member: Member | None) -> Member:
        store.add_seen("17", [f"i{len(member.seen) if member else 0}"])
        return with_vector(member_id, member)

    with pytest.raises(ConflictError, match="6 tries"):
        store.update_many(["17"], change)


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
