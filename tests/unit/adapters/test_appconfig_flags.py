"""Flags from AppConfig: polled when due, last good kept, nonsense marked as rejected."""

from __future__ import annotations

import io
import json
import threading
from threading import Barrier, Event
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from recsysops.adapters.appconfig_flags import AppConfigFlags, FlagSources
from recsysops.adapters.polled_document import DocumentSource
from recsysops.errors import DependencyError, FlagError, NotFound
from recsysops.serving.flag_document import digest_text, dump_flag_document, parse_flag_document
from recsysops.vocabulary import ModelPointer, SamplingPlan

HOTFIX = {
    "hotfix_id": "hf-1",
    "kind": "block_items",
    "params": {"item_ids": ["1029"]},
    "percent": 100.0,
    "salt": "hf-1",
    "owner": "ann",
    "reason": "wrong language",
    "expires_at": "2026-12-01T00:00:00+00:00",
    "incident_id": None,
}
GOOD = json.dumps({"schema_version": 1, "hotfixes": [HOTFIX]})
POINTER = '{"production": "m-1", "candidate": null}'
PLAN = '{"rate": 0.5, "raised_rate": 1.0, "explore_rate": 0.2, "stratum_rates": {"a/b": 1.0}}'
SOURCES = FlagSources(*(DocumentSource("app", f"{n}-env", n) for n in ("hot", "model", "sample")))


class FakeAppConfig:
    """Serves documents by profile; tokens are good for one call, as on AWS."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.error: Exception | None = None
        self.calls = 0
        self._tokens: dict[str, tuple[str, bytes]] = {}
        self._count = 0

    def start_configuration_session(self, **place: str) -> dict[str, str]:
        profile = place["ConfigurationProfileIdentifier"]
        assert place["EnvironmentIdentifier"] == f"{profile}-env"
        return {"InitialConfigurationToken": self._token(profile, b"")}

    def get_latest_configuration(self, *, ConfigurationToken: str) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        profile, served = self._tokens.pop(ConfigurationToken)
        if self.error:
            raise self.error
        document = self.documents.get(profile, b"")
        body = b"" if document == served else document
        token = self._token(profile, document)
        return {"NextPollConfigurationToken": token, "Configuration": io.BytesIO(body)}

    def _token(self, profile: str, served: bytes) -> str:
        self._count += 1
        self._tokens[f"t{self._count}"] = (profile, served)
        return f"t{self._count}"


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def service() -> FakeAppConfig:
    return FakeAppConfig()


@pytest.fixture
def flags(service: FakeAppConfig, clock: list[float]) -> AppConfigFlags:
    # a loaded machine may be slow to start a thread: only who tests patience is impatient
    return AppConfigFlags(
        service, SOURCES, poll_seconds=30.0, monotonic=lambda: clock[0], patience_seconds=30.0
    )


def test_before_anything_was_deployed_the_defaults_serve(flags) -> None:
    assert flags.hotfixes().hotfixes == ()
    assert flags.hotfixes().version == ""
    assert flags.model_pointer() is None
    assert flags.sampling_plan() == SamplingPlan()
    assert flags.rejected_count == flags.take_failures() == 0
    flags.require_fresh()


class TogetherAppConfig(FakeAppConfig):
    """Opens no session before everybody has asked for one."""

    def __init__(self) -> None:
        super().__init__()
        self.everybody = Barrier(3, timeout=5.0)

    def start_configuration_session(self, **place: str) -> dict[str, str]:
        self.everybody.wait()
        return super().start_configuration_session(**place)


def test_a_start_asks_for_all_documents_side_by_side() -> None:
    service = TogetherAppConfig()
    flags = AppConfigFlags(service, SOURCES, poll_seconds=30.0, monotonic=lambda: 100.0)
    flags.read_together()
    assert (service.calls, flags.take_failures()) == (3, 0)
    flags.model_pointer()
    assert service.calls == 3


def test_deployed_documents_are_served(flags, service) -> None:
    service.documents = {
        "hot": GOOD.encode(), "model": POINTER.encode(), "sample": PLAN.encode()
    }  # fmt: skip
    assert flags.hotfixes() == parse_flag_document(GOOD)
    assert flags.model_pointer() == ModelPointer("m-1")
    assert flags.sampling_plan() == SamplingPlan(0.5, 1.0, 0.2, {"a/b": 1.0})


def test_until_surfaces_could_be_read_the_plan_says_that_it_may_lack_some(
    flags, service, clock
) -> None:
    service.error = ConnectTimeoutError(endpoint_url="https://appconfigdata")
    assert flags.sampling_plan() == SamplingPlan(may_lack_surfaces=True)
    service.error, service.documents["sample"] = None, b"{nonsense"
    clock[0] += 60
    assert flags.sampling_plan().may_lack_surfaces
    service.documents["sample"] = PLAN.encode()
    clock[0] += 60
    assert flags.sampling_plan() == SamplingPlan(0.5, 1.0, 0.2, {"a/b": 1.0})
    service.error = ConnectTimeoutError(endpoint_url="https://appconfigdata")
    clock[0] += 60
    assert not flags.sampling_plan().may_lack_surfaces, "the last good plan names its surfaces"


def test_a_new_document_is_seen_after_the_poll_time_and_not_asked_for_before(
    flags, service, clock
) -> None:
    flags.hotfixes()
    service.documents["hot"] = GOOD.encode()
    clock[0] += 29.9
    assert flags.hotfixes().hotfixes == ()
    assert service.calls == 1
    clock[0] += 0.1
    assert flags.hotfixes().hotfixes[0].hotfix_id == "hf-1"
    assert service.calls == 2


def test_an_unchanged_document_stays(flags, service, clock) -> None:
    service.documents["hot"] = GOOD.encode()
    flags.hotfixes()
    clock[0] += 60
    assert flags.hotfixes() == parse_flag_document(GOOD)
    assert service.calls == 2


@pytest.mark.parametrize(
    "nonsense", [b"{", b"[]", b"\xff\xfe", b'{"schema_version": 1}', GOOD.encode() + b"x"]
)
def test_nonsense_keeps_the_last_good_document_and_is_marked(
    flags, service, clock, nonsense
) -> None:
    service.documents["hot"] = GOOD.encode()
    good = flags.hotfixes()
    service.documents["hot"] = nonsense
    clock[0] += 60
    document = flags.hotfixes()
    assert document.hotfixes == good.hotfixes
    assert document.version == good.version
    assert document.rejected == digest_text(nonsense.decode("utf-8", "replace"))
    assert flags.rejected_count == 1
    service.documents["hot"] = dump_flag_document(good).encode()
    clock[0] += 60
    assert flags.hotfixes() == good
    assert flags.rejected_count == 0


def test_nonsense_in_the_pointer_or_the_plan_keeps_the_last_good_one(flags, service, clock) -> None:
    service.documents = {"model": POINTER.encode(), "sample": PLAN.encode()}
    pointer, plan = flags.model_pointer(), flags.sampling_plan()
    service.documents = {"model": b'{"production": "a b"}', "sample": b'{"rate": 2}'}
    clock[0] += 60
    assert (flags.model_pointer(), flags.sampling_plan()) == (pointer, plan)
    assert flags.rejected_count == 2
    assert flags.hotfixes().rejected == digest_text('{"production": "a b"}')
    with pytest.raises(FlagError, match="2 of the deployed documents"):
        flags.require_fresh()


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://appconfigdata"),
        ClientError({"Error": {"Code": "BadRequestException", "Message": "expired"}}, "Get"),
    ],
)
def test_an_outage_keeps_the_last_good_document_and_is_counted_once_per_poll(
    flags, service, clock, error
) -> None:
    service.documents["hot"] = GOOD.encode()
    good = flags.hotfixes()
    service.error = error
    clock[0] += 60
    assert flags.hotfixes() == good
    assert flags.hotfixes() == good
    with pytest.raises(DependencyError, match="did not answer"):
        flags.require_fresh()
    assert flags.take_failures() == 1
    assert flags.take_failures() == 0
    service.error = None
    service.documents["hot"] = b'{"schema_version": 1, "hotfixes": []}'
    clock[0] += 60
    assert flags.hotfixes().hotfixes == ()
    clock[0] += 60
    flags.require_fresh()


def test_a_service_that_does_not_answer_is_waited_for_once_not_for_each_document(
    flags, service, clock
) -> None:
    service.error = ConnectTimeoutError(endpoint_url="https://appconfigdata")
    flags.sampling_plan(), flags.hotfixes(), flags.model_pointer(), flags.refresh_early()
    assert (service.calls, flags.take_failures()) == (1, 1)
    clock[0] += 4.9
    flags.hotfixes()
    assert service.calls == 1


def test_a_process_that_never_had_an_answer_does_not_wait_a_whole_period(
    flags, service, clock
) -> None:
    service.error = ConnectTimeoutError(endpoint_url="https://appconfigdata")
    flags.hotfixes()
    service.error = None
    service.documents["hot"] = GOOD.encode()
    clock[0] += 5.0
    assert flags.hotfixes().hotfixes[0].hotfix_id == "hf-1"


def test_after_a_response_the_flags_are_refreshed_at_half_their_age(flags, service, clock) -> None:
    flags.hotfixes(), flags.model_pointer(), flags.sampling_plan()
    clock[0] += 14.9
    flags.refresh_early()
    assert service.calls == 3
    clock[0] += 0.1
    service.documents["hot"] = GOOD.encode()
    flags.refresh_early()
    assert service.calls == 6
    clock[0] += 29
    assert flags.hotfixes().hotfixes[0].hotfix_id == "hf-1"
    assert service.calls == 6


def test_a_slow_service_keeps_no_request_waiting_and_its_answer_serves_the_next(
    service, clock
) -> None:
    flags = AppConfigFlags(
        service, SOURCES, poll_seconds=30.0, monotonic=lambda: clock[0], patience_seconds=0.0
    )
    service.documents["hot"] = GOOD.encode()
    first = flags.hotfixes()
    flags.model_pointer(), flags.sampling_plan()
    gate, answered = Event(), service.get_latest_configuration

    def slowly(**token: str) -> dict[str, Any]:
        assert gate.wait(30.0)
        return answered(**token)

    service.get_latest_configuration = slowly
    service.documents["hot"] = b'{"schema_version": 1, "hotfixes": []}'
    clock[0] += 60
    # the gate is shut: whatever waited for the service would wait for ever
    assert flags.hotfixes() == first
    assert (flags.model_pointer(), flags.sampling_plan()) == (None, SamplingPlan())
    assert [t.name for t in threading.enumerate()].count("poll-configuration") == 1, "others rest"
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "poll-configuration":
            thread.join(30.0)
    assert flags.hotfixes().hotfixes == ()
    assert flags.take_failures() == 0


def test_only_the_very_first_poll_is_waited_for(service, clock) -> None:
    flags = AppConfigFlags(
        service, SOURCES, poll_seconds=30.0, monotonic=lambda: clock[0], patience_seconds=0.0
    )
    service.documents["model"] = POINTER.encode()
    assert flags.model_pointer() == ModelPointer("m-1")


def test_a_process_that_starts_under_nonsense_serves_the_last_good_document_kept(
    service, clock
) -> None:
    asked: list[int] = []

    def recall() -> str:
        asked.append(1)
        return GOOD

    flags = AppConfigFlags(
        service,
        SOURCES,
        poll_seconds=30.0,
        monotonic=lambda: clock[0],
        last_good_hotfixes=recall,
        patience_seconds=30.0,
    )
    service.documents["hot"] = b"nonsense"
    document = flags.hotfixes()
    assert (document.hotfixes[0].hotfix_id, bool(document.rejected)) == ("hf-1", True)
    service.documents["hot"] = b"more nonsense"
    clock[0] += 60
    flags.hotfixes()
    assert len(asked) == 1


def test_what_this_process_saw_last_goes_before_what_was_kept(service, clock) -> None:
    flags = AppConfigFlags(
        service, SOURCES, poll_seconds=30.0, monotonic=lambda: clock[0],
        last_good_hotfixes=lambda: GOOD, patience_seconds=30.0,
    )  # fmt: skip
    service.documents["hot"] = b'{"schema_version": 1, "hotfixes": []}'
    flags.hotfixes()
    service.documents["hot"] = b"nonsense"
    clock[0] += 60
    assert flags.hotfixes().hotfixes == ()


@pytest.mark.parametrize("trouble", [NotFound("none"), DependencyError("out"), "also nonsense"])
def test_without_a_last_good_document_the_default_serves_and_is_marked(
    service, clock, trouble
) -> None:
    def recall() -> str:
        if isinstance(trouble, str):
            return trouble
        raise trouble

    flags = AppConfigFlags(
        service,
        SOURCES,
        poll_seconds=30.0,
        monotonic=lambda: clock[0],
        last_good_hotfixes=recall,
        patience_seconds=30.0,
    )
    service.documents["hot"] = b"nonsense"
    assert flags.hotfixes().hotfixes == ()
    assert flags.hotfixes().rejected == digest_text("nonsense")
