"""Members in DynamoDB against moto: seen items, versions, writers side by side, garbled rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber
from recsysops.adapters.dynamodb_members import SESSION_SECONDS, DynamoMembers
from recsysops.adapters.seen_items import SEEN_LIMIT
from recsysops.errors import BadData, ConflictError, DependencyError
from recsysops.vocabulary import Member

NOW = datetime(2026, 11, 1, 12, 30, 15, 123000, tzinfo=UTC)


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
