"""A member store in an outage is left alone for a second, then tried by one read."""

from __future__ import annotations

import pytest
from recsysops.adapters.resting_members import RestingMembers
from recsysops.errors import BadData, DependencyError
from recsysops.vocabulary import Member

MEMBER = Member("m1", {}, (), "salt")


class Store:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    def get(self, member_id: str) -> Member | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return MEMBER


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def members(store: Store, now: list[float]) -> RestingMembers:
    return RestingMembers(store, monotonic=lambda: now[0])


def fail(members: RestingMembers, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(DependencyError):
            members.get("m1")


def test_after_three_failures_nobody_asks_for_a_second(
    members: RestingMembers, store: Store, now: list[float]
) -> None:
    store.error = DependencyError("throttled")
    fail(members, times=10)
    assert store.asked == 3
    now[0] = 0.99
    fail(members)
    assert store.asked == 3


def test_one_read_a_second_finds_out_that_the_store_is_back(
    members: RestingMembers, store: Store, now: list[float]
) -> None:
    store.error = DependencyError("throttled")
    fail(members, times=3)
    now[0] = 1.0
    fail(members, times=5)
    assert store.asked == 4
    now[0], store.error = 2.0, None
    assert members.get("m1") == MEMBER
    store.error = DependencyError("throttled")
    fail(members, times=3)
    assert store.asked == 8, "one success forgets the failures"


def test_a_garbled_row_is_no_outage(members: RestingMembers, store: Store) -> None:
    store.error = BadData("a row lacks its salt")
    for _ in range(10):
        with pytest.raises(BadData):
            members.get("m1")
    store.error = None
    assert members.get("m1") == MEMBER
