"""After a member is forgotten, nothing we hold leads from the member to the log."""

from __future__ import annotations

import pytest
from recsysops.errors import DependencyError
from recsysops.request_log.pseudonym import pseudonym_of
from recsysops.workflows.forget_member import forget_member

from tests.fakes.served_world import make_world


def test_a_forgotten_member_cannot_be_linked_to_the_log_and_comes_back_as_another() -> None:
    world = make_world(30)
    world.recommend("r-1", "m1")
    (before,) = world.slim()
    done = forget_member("m1", members=world.members)
    assert done.was_known
    salts = {member.salt for member in world.members.scan()}
    assert before.member not in {pseudonym_of("m1", salt=salt) for salt in salts}
    assert world.members.get("m1") is None
    world.recommend("r-2", "m1")
    assert world.slim()[-1].fallback_reason == "unknown_member"
    new_salt = world.members.add_seen("m1", ["i0001"])
    assert new_salt not in {"salt-1", ""}
    world.recommend("r-3", "m1")
    after = world.slim()[-1]
    assert after.member == pseudonym_of("m1", salt=new_salt) != before.member


def test_what_remains_is_told_and_no_pseudonym_with_it() -> None:
    world = make_world(30)
    world.recommend("r-1", "m1")
    done = forget_member("m1", members=world.members)
    told = " ".join(done.remains)
    for part in ("log lines", "full records", "backups", "models", "training"):
        assert part in told
    assert world.slim()[0].member not in told


def test_forgetting_twice_or_a_stranger_changes_nothing() -> None:
    world = make_world(30)
    assert not forget_member("nobody", members=world.members).was_known
    forget_member("m1", members=world.members)
    assert not forget_member("m1", members=world.members).was_known
    assert world.members.get("m2") is not None


def test_a_store_that_fails_says_so_and_nothing_is_claimed() -> None:
    class Out:
        def delete(self, member_id: str) -> bool:
            raise DependencyError("throttled")

    with pytest.raises(DependencyError):
        forget_member("m1", members=Out())  # type: ignore[arg-type]
