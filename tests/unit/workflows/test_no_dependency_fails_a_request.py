"""Every service a scorer asks, failing in every way: each request still gets a slate, in time.

The adapters are the real ones; only the client below them is broken. `error`: the service
refuses; `timeout`: it does not answer; `garbage`: it answers with what nobody can read; `empty`:
it answers with nothing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from recsysops.adapters.appconfig_flags import AppConfigFlags, FlagSources
from recsysops.adapters.dynamodb_members import DynamoMembers
from recsysops.adapters.firehose_log import FirehoseLog
from recsysops.adapters.polled_document import DocumentSource
from recsysops.adapters.resting_members import RestingMembers
from recsysops.adapters.s3_blobs import S3Blobs
from recsysops.request_log.schema import encode_record
from recsysops.serving.api import RecommendationRequest, RecommendationResponse
from recsysops.vocabulary import Member
from recsysops.workflows.load_catalogue import CatalogueCache
from recsysops.workflows.recommend_items import RecommendPorts, recommend_items
from recsysops.workflows.scorer_state import ScorerState

from tests.fakes.served_world import NOW, ServedWorld, make_world

Failure = Callable[[], Any]


def refuse() -> Any:
    raise ClientError(
        {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}, "Any"
    )


def deny() -> Any:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Any")


def time_out() -> Any:
    raise ReadTimeoutError(endpoint_url="http://service")


def not_connect() -> Any:
    raise ConnectTimeoutError(endpoint_url="http://service")


class BrokenClient:
    """A boto3 client whose every call does the same."""

    def __init__(self, fail: Failure) -> None:
        self._fail = fail

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return lambda **_: self._fail()


class MemberRows:
    """A members table with one row, whole or changed."""

    def __init__(self, world: ServedWorld, **changes: object) -> None:
        member = world.members.get("m1")
        assert member is not None
        self.row = {**row_of(member), **changes}

    def get_item(self, **_: object) -> dict[str, object]:
        return {"Item": {key: value for key, value in self.row.items() if value is not None}}


def row_of(member: Member) -> dict[str, Any]:
    return {
        "member_id": {"S": member.member_id},
        "vectors": {"M": {model: {"B": packed} for model, packed in member.vectors.items()}},
        "seen": {"S": " ".join(member.seen)},
        "salt": {"S": member.salt},
    }


class Documents:
    """AppConfig that serves one text for every profile."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def start_configuration_session(self, **_: object) -> dict[str, str]:
        return {"InitialConfigurationToken": "t"}

    def get_latest_configuration(self, **_: object) -> dict[str, object]:
        body = io.BytesIO(self._text)
        return {"NextPollConfigurationToken": "t", "Configuration": body}


class Objects:
    """A bucket whose objects pass through `change` on their way out."""

    def __init__(self, world: ServedWorld, change: Callable[[str, bytes], bytes]) -> None:
        self._objects, self._change = world.blobs.objects, change

    def get_object(self, Key: str, **_: object) -> dict[str, object]:  # noqa: N803 - boto3's
        if Key not in self._objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "none"}}, "GetObject")
        return {"Body": io.BytesIO(self._change(Key, self._objects[Key]))}


def source(name: str) -> DocumentSource:
    return DocumentSource("app", name, name)


def flags_over(client: Any) -> AppConfigFlags:
    sources = FlagSources(source("hotfixes"), source("model"), source("sampling"))
    return AppConfigFlags(client, sources, poll_seconds=0.0, patience_seconds=30.0)


def serve(world: ServedWorld, **broken: Any) -> tuple[RecommendationResponse, RecommendPorts]:
    """Answer one request of m1 with some clients broken; the others are the world's."""
    blobs = S3Blobs(broken["objects"], "bucket") if "objects" in broken else world.blobs
    flags = flags_over(broken["flags"]) if "flags" in broken else world.flags
    log = FirehoseLog(broken["log"], {"slim_requests": "s"}) if "log" in broken else world.log
    members = broken.get("members", MemberRows(world))
    state = ScorerState(CatalogueCache(blobs), flags, iter_clock().__next__, 0.0, lambda w: w())
    ports = RecommendPorts(
        state, RestingMembers(DynamoMembers(members, "t")), flags, log, iter_clock().__next__
    )
    request = RecommendationRequest(member_id="m1")
    return recommend_items(request, request_id="r-1", ports=ports, now=NOW), ports


def iter_clock() -> Iterator[float]:
    moment = 0.0
    while True:
        yield moment
        moment += 1.0


WORLD = make_world(40)
OTHER_MODEL = {"vectors": {"M": {"m-other": {"B": b"\0"}}}}
GARBLED = {"vectors": {"M": {WORLD.artefact.model_id: {"B": b"not a header"}}}}
MEMBERS = {
    "error: throttled": (BrokenClient(refuse), "member_store_failed", "popularity"),
    "error: denied": (BrokenClient(deny), "member_store_failed", "popularity"),
    "timeout: no answer": (BrokenClient(time_out), "member_store_slow", "popularity"),
    "timeout: no connection": (BrokenClient(not_connect), "member_store_slow", "popularity"),
    "garbage: no salt": (MemberRows(WORLD, salt=None), "member_store_failed", "popularity"),
    "garbage: salt is a number": (
        MemberRows(WORLD, salt={"N": "1"}), "member_store_failed", "popularity",
    ),
    "garbage: vectors are text": (
        MemberRows(WORLD, vectors={"S": "x"}), "member_store_failed", "popularity",
    ),
    "garbage: broken header": (MemberRows(WORLD, **GARBLED), "vector_mismatch", "popularity"),
    "garbage: another model's": (MemberRows(WORLD, **OTHER_MODEL), "vector_mismatch", "popularity"),
    "empty: no row": (BrokenClient(dict), "unknown_member", "popularity"),
    "empty: no vector": (MemberRows(WORLD, vectors=None), "cold_member", "popularity"),
}  # fmt: skip


@pytest.mark.parametrize("case", MEMBERS)
def test_whatever_the_member_store_does_popularity_is_served_with_the_reason(case: str) -> None:
    client, reason, step = MEMBERS[case]
    response, _ = serve(make_world(40), members=client)
    assert (response.fallback_reason, response.fallback_step) == (reason, step)
    assert len(response.items) == 10


BUCKETS = {
    "error: throttled": BrokenClient(refuse),
    "error: denied": BrokenClient(deny),
    "timeout: no answer": BrokenClient(time_out),
    "garbage: every object": Objects(WORLD, lambda _, body: body[::-1]),
    "garbage: half of every object": Objects(WORLD, lambda _, body: body[: len(body) // 2]),
    "empty: every object": Objects(WORLD, lambda _, body: b""),
    "garbage: artefacts": Objects(WORLD, lambda key, body: b"x" if "artefacts/" in key else body),
    "garbage: snapshots": Objects(WORLD, lambda key, body: b"x" if key.endswith("npz") else body),
}


@pytest.mark.parametrize("case", BUCKETS)
def test_whatever_the_bucket_does_a_cold_scorer_shows_a_stored_list(case: str) -> None:
    response, ports = serve(make_world(40), objects=BUCKETS[case])
    assert response.fallback_reason == "no_catalogue"
    assert response.fallback_step == "packaged_list"
    assert len(response.items) == 10
    assert ports.state.drain_problems(), "and says why"


DOCUMENTS = {
    "error: throttled": BrokenClient(refuse),
    "error: denied": BrokenClient(deny),
    "timeout: no answer": BrokenClient(time_out),
    "garbage: no JSON": Documents(b"\xff\xfe{"),
    "garbage: a list": Documents(b"[]"),
    "garbage: numbers": Documents(b'{"production": NaN, "rate": 1e999, "hotfixes": 7}'),
    "garbage: deep": Documents(b"[" * 100_000),
    "empty": Documents(b""),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_whatever_the_flags_do_the_model_serves(case: str) -> None:
    response, _ = serve(make_world(40), flags=DOCUMENTS[case])
    assert (response.status, response.fallback_reason) == ("ok", None)
    assert len(response.items) == 10


@pytest.mark.parametrize("fail", [refuse, deny, time_out, dict], ids=lambda fail: fail.__name__)
def test_whatever_the_log_does_the_request_is_answered(fail: Failure) -> None:
    response, ports = serve(make_world(40), log=BrokenClient(fail))
    assert (response.status, len(response.items)) == ("ok", 10)
    assert ports.log is not None


def test_with_every_service_out_at_once_a_request_still_gets_a_slate() -> None:
    out = BrokenClient(time_out)
    response, _ = serve(make_world(40), members=out, objects=out, flags=out, log=out)
    assert (response.fallback_reason, response.fallback_step) == ("no_catalogue", "packaged_list")
    assert len(response.items) == 10


def test_a_stored_list_is_no_ranking_and_its_line_can_be_written() -> None:
    world = make_world(40)
    world.blobs.objects.clear()
    world.recommend()
    (line,) = world.slim()
    assert (line.scores, line.fallback_step) == ([], "packaged_list")
    assert encode_record(line)
