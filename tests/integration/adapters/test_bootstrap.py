"""Each port of a stack is its AWS adapter, made once, from the settings it needs."""

from __future__ import annotations

from functools import cached_property

import pytest
from recsysops.adapters.after_response import BackgroundWork, InlineWork
from recsysops.adapters.log_extension import LogExtension
from recsysops.adapters.memory import MemoryBlobs, MemoryFlags, MemoryLog, MemoryMembers
from recsysops.bootstrap import Ports, process_ports, use_ports, wire_scorer
from recsysops.errors import BadInput
from recsysops.settings import Settings

NAMED = Settings.model_validate(
    {name: f"a-{name}" for name, field in Settings.model_fields.items()
     if field.annotation not in (bool, float) and name not in ("stage", "region", "endpoint")}
    | {"endpoint": "http://127.0.0.1:1", "token_url": "http://127.0.0.1:1/oauth2/token"}
)  # fmt: skip
PORTS = [
    name
    for room in Ports.mro()
    for name, kind in vars(room).items()
    if isinstance(kind, cached_property)
]


@pytest.mark.parametrize("name", PORTS)
def test_every_port_is_made_from_the_settings_and_only_once(name: str) -> None:
    ports = Ports(NAMED)
    assert getattr(ports, name) is getattr(ports, name)


@pytest.mark.parametrize("name", sorted(set(PORTS) - {"runs", "calls"}))
def test_a_port_whose_setting_is_missing_says_which(name: str) -> None:
    with pytest.raises(BadInput, match=r"is not set: RECSYSOPS_[A-Z_]+ or outputs.json"):
        getattr(Ports(Settings()), name)


def test_a_port_can_be_replaced_before_it_is_asked_for() -> None:
    ports, members = Ports(Settings()), MemoryMembers()
    ports.members = members
    assert ports.members is members


def test_a_process_has_one_set_of_ports_from_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECSYSOPS_ITEMS_TABLE", "items-1")
    use_ports(None)
    try:
        assert process_ports() is process_ports()
        assert process_ports().settings.items_table == "items-1"
    finally:
        use_ports(None)


def scorer_on(stage: str):
    ports = Ports(Settings(stage=stage))
    ports.impatient_members, ports.blobs = MemoryMembers(), MemoryBlobs()
    ports.flags, ports.request_log = MemoryFlags(), MemoryLog()  # type: ignore[assignment]
    return wire_scorer(ports)


def test_the_laptop_delivers_its_log_from_a_thread() -> None:
    scorer = scorer_on("laptop")
    assert isinstance(scorer.after, BackgroundWork)
    scorer.after.stop()


def test_aws_delivers_its_log_by_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogExtension, "start", lambda extension: extension)
    assert isinstance(scorer_on("aws").after, LogExtension)


@pytest.mark.parametrize("address", ["127.0.0.1:1", ""])
def test_without_extensions_the_log_leaves_before_the_response(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
    assert isinstance(scorer_on("aws").after, InlineWork)


def test_a_scorer_without_a_model_starts_and_tells_why() -> None:
    scorer = scorer_on("laptop")
    scorer.after.stop()  # type: ignore[attr-defined]
    assert [problem.subject for problem in scorer.drain_problems()] == ["delta_pointer"]
    assert scorer.drain_problems() == []
