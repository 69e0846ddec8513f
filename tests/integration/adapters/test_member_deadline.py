"""A member store that accepts and never answers: the read ends at the stage's deadline."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from recsysops.adapters.aws_clients import make_client
from recsysops.adapters.dynamodb_members import DynamoMembers
from recsysops.bootstrap import Ports
from recsysops.errors import DeadlineError, DependencyError
from recsysops.settings import Settings


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield server.getsockname()[1]


def test_a_silent_store_is_left_at_the_deadline_without_a_second_try(silent_port: int) -> None:
    settings = Settings(endpoint=f"http://127.0.0.1:{silent_port}", member_deadline_ms=100.0)
    members = DynamoMembers(make_client("dynamodb", settings, patience="member"), "members")
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="read from table members"):
        members.get("m1")
    # far above the deadline, far below what the other time-outs would take
    assert time.monotonic() - started < 1.0


def test_what_a_page_waits_for_keeps_the_deadline_and_rests_after_three_failures(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    endpoint = f"http://127.0.0.1:{silent_port}"
    settings = Settings(endpoint=endpoint, members_table="members", member_deadline_ms=100.0)
    members = Ports(settings, patience="request").impatient_members
    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(DeadlineError):
            members.get("m1")
    assert time.monotonic() - started < 3.0
    with pytest.raises(DependencyError, match="rests after 3 failures"):
        members.get("m1")


def test_the_deadline_stays_well_below_what_a_page_is_promised() -> None:
    from infra.settings import AWS

    assert AWS.member_deadline_ms <= AWS.alarms.recommend_p99_ms / 2
    assert Settings().member_deadline_ms == AWS.member_deadline_ms
