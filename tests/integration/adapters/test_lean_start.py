"""What a start reads without botocore is what botocore would have read."""

from __future__ import annotations

import gc
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest
from recsysops.adapters.authorities import find_authorities
from recsysops.adapters.aws_clients import LazyClient, Patience, plain_endpoint
from recsysops.adapters.lean_http import LeanHttp, Peer
from recsysops.adapters.lean_start import LeanAppConfig, LeanS3
from recsysops.adapters.sigv4 import Call, Keys
from recsysops.bootstrap import Ports
from recsysops.errors import DependencyError, NotFound
from recsysops.settings import Settings

from tests.fakes.plain_server import Script, Server, always, plain

Serve = Callable[..., Server]
PortsOf = Callable[..., Ports]
MISSING = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"


@pytest.fixture
def ports_of() -> Iterator[Callable[[Server], Ports]]:
    """Ports of a function that members wait for; their connections end with the test."""
    names = {"artefact_bucket": "artefacts", "appconfig_application_id": "app"}
    for document in ("hotfixes", "model", "sampling"):
        names |= {f"{document}_environment_id": "env", f"{document}_profile_id": document}
    made: list[Ports] = []

    def make(server: Server, patience: Patience = "request") -> Ports:
        named = {**names, "endpoint": f"http://127.0.0.1:{server.port}"}
        made.append(Ports(Settings.model_validate(named), patience=patience))
        return made[-1]

    yield make
    for ports in made:
        ports.close_connections()


def asked(server: Server) -> list[str]:
    return [request.split(b" HTTP", 1)[0].decode() for request in server.requests]


def is_botocores(request: bytes) -> bool:
    return b"Botocore" in request


def test_an_object_is_read_over_our_own_connection(serve: Serve, ports_of: PortsOf) -> None:
    server = serve(always(plain(b"the bytes")))
    blobs = ports_of(server).blobs
    assert blobs.get("artefacts/m-1/a file.npy") == b"the bytes"
    assert blobs.get("pointers/delta.json") == b"the bytes"
    assert asked(server) == [
        "GET /artefacts/artefacts/m-1/a%20file.npy",
        "GET /artefacts/pointers/delta.json",
    ]
    assert not any(map(is_botocores, server.requests))
    assert server.connections == 1


def test_an_object_of_many_pieces_is_put_together(serve: Serve, ports_of: PortsOf) -> None:
    body = bytes(range(256)) * 4_096

    def in_pieces(connection: socket.socket, _: int) -> bool:
        whole = plain(body)
        for start in range(0, len(whole), 100_000):
            connection.sendall(whole[start : start + 100_000])
        return True

    assert ports_of(serve(in_pieces)).blobs.get("deltas/d-1.npz") == body


def test_half_an_object_is_never_returned(serve: Serve, ports_of: PortsOf) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    script: Script = lambda connection, number: (  # noqa: E731 - a table of answers
        connection.sendall(cut if number == 1 else plain(b"whole")) is not None or number > 1
    )
    assert ports_of(serve(script)).blobs.get("deltas/d-1.npz") == b"whole"


def test_a_missing_object_has_the_words_of_boto3(serve: Serve, ports_of: PortsOf) -> None:
    server = serve(always(plain(MISSING, status="404 Not Found")))
    with pytest.raises(NotFound, match="NoSuchKey: gone"):
        ports_of(server).blobs.get("deltas/d-1.npz")
    assert list(map(is_botocores, server.requests)) == [False, True]


def test_what_is_not_a_plain_get_is_boto3s(serve: Serve, ports_of: PortsOf) -> None:
    server = serve(always(plain(b"")))
    ports_of(server).blobs.put("pointers/delta.json", b"{}")
    assert is_botocores(server.requests[0])


def configuration(body: bytes, **more: str) -> bytes:
    head, _, rest = plain(body).partition(b"\r\n\r\n")
    fields = "".join(f"\r\n{name.replace('_', '-')}: {value}" for name, value in more.items())
    return head + fields.encode() + b"\r\n\r\n" + rest


def answer_flags(documents: dict[str, bytes], *, token: bool = True) -> Script:
    """A session's token is its profile; without `token` only boto3 is told the next one."""

    def script(connection: socket.socket, _: int) -> bool:
        request = server_of["it"].requests[-1]
        if request.startswith(b"POST"):
            asked_for = json.loads(request.partition(b"\r\n\r\n")[2])
            profile = asked_for["ConfigurationProfileIdentifier"]
            reply = json.dumps({"InitialConfigurationToken": profile}).encode()
            connection.sendall(plain(reply, status="201 Created"))
            return True
        profile = request.split(b"configuration_token=")[1].split(b" ")[0].decode()
        more = {"Next_Poll_Configuration_Token": profile} if token or is_botocores(request) else {}
        connection.sendall(configuration(documents.get(profile, b""), **more))
        return True

    server_of: dict[str, Server] = {}
    script.server_of = server_of  # type: ignore[attr-defined]
    return script


POINTER = b'{"production": "m-9", "previous": null}'


def test_flags_are_read_over_our_own_connections(serve: Serve, ports_of: PortsOf) -> None:
    script: Any = answer_flags({"model": POINTER})
    server = script.server_of["it"] = serve(script)
    flags = ports_of(server).flags
    pointer = flags.model_pointer()
    assert pointer is not None
    assert pointer.production == "m-9"
    assert asked(server) == [
        "POST /configurationsessions",
        "GET /configuration?configuration_token=model",
    ]
    assert not any(map(is_botocores, server.requests))


def test_an_answer_without_the_next_token_is_asked_again_by_boto3(
    serve: Serve, ports_of: PortsOf
) -> None:
    script: Any = answer_flags({"model": POINTER}, token=False)
    server = script.server_of["it"] = serve(script)
    assert ports_of(server).flags.model_pointer() is not None
    assert list(map(is_botocores, server.requests)) == [False, False, True]


def test_a_service_that_refuses_is_told_by_boto3(serve: Serve, ports_of: PortsOf) -> None:
    server = serve(always(plain(b"{}", status="403 Forbidden")))
    flags = ports_of(server).flags
    assert flags.model_pointer() is None
    assert flags.take_failures() == 1
    assert is_botocores(server.requests[-1])


class Boto:
    """A boto3 client that says what it was asked."""

    def __getattr__(self, name: str) -> Any:
        return lambda **call: {"asked": (name, call)}


@pytest.fixture
def nowhere() -> LeanHttp:
    peer = Peer("http://127.0.0.1:1", "s3", "eu-west-1", 0.1, 0.1)
    return LeanHttp(peer, keys=lambda: Keys("id", "secret"))


def test_what_the_short_way_does_not_know_is_asked_of_boto3_as_it_was(nowhere: LeanHttp) -> None:
    s3 = LeanS3(Boto(), nowhere, bucket="artefacts", folder="")
    for call in (
        {"Bucket": "another", "Key": "k"},
        {"Bucket": "artefacts", "Key": "k", "Range": "bytes=0-1"},
        {"Bucket": "artefacts", "Key": "nobody listens"},
    ):
        assert s3.get_object(**call) == {"asked": ("get_object", call)}
    flags = LeanAppConfig(Boto(), nowhere)
    wanted = {"ApplicationIdentifier": "app"}
    assert flags.start_configuration_session(**wanted)["asked"][1] == wanted
    assert flags.another_call(a=1) == {"asked": ("another_call", {"a": 1})}


def test_the_authorities_are_those_named_or_botocores_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/named.pem")
    assert find_authorities() == "/named.pem"
    monkeypatch.delenv("AWS_CA_BUNDLE")
    assert find_authorities() == str(Path(botocore.__file__).parent / "cacert.pem")


def test_connections_end_with_whoever_kept_them(serve: Serve) -> None:
    server = serve(always(plain(b"the bytes")))
    peer = Peer(f"http://127.0.0.1:{server.port}", "s3", "us-east-1", 1.0, 1.0)
    http = LeanHttp(peer, keys=lambda: Keys("a", "b"))
    assert http.ask(Call("GET", "/artefacts/key")) is not None
    (kept,) = http._idle
    del http
    gc.collect()
    assert kept.fileno() == -1


def test_jobs_read_with_boto3_alone(serve: Serve, ports_of: PortsOf) -> None:
    server = serve(always(plain(b"the bytes")))
    assert ports_of(server, "batch").blobs.get("deltas/d-1.npz") == b"the bytes"
    assert is_botocores(server.requests[0])


def test_aws_is_asked_by_the_buckets_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    ports = Ports(Settings(region="eu-central-1"), patience="request")
    lean = ports._lean_s3("a-bucket")
    assert lean._http.peer.url == "https://a-bucket.s3.eu-central-1.amazonaws.com"
    assert lean._folder == ""
    assert isinstance(ports._lean_s3("a.bucket"), LazyClient)


@pytest.mark.parametrize(
    ("region", "environment", "expected"),
    [
        ("eu-central-1", {}, "https://s3.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", {}, "https://s3.us-gov-west-1.amazonaws.com"),
        ("eu-central-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9"),
        ("cn-north-1", {}, None),
        ("us-iso-east-1", {}, None),
        ("eusc-de-east-1", {}, None),
        ("eu-central-1", {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, None),
        ("eu-central-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, None),
        ("eu-central-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, None),
        ("eu-central-1", {"HTTPS_PROXY": "http://127.0.0.1:9"}, None),
    ],
)
def test_only_plain_addresses_are_known_without_botocore(
    region: str,
    environment: dict[str, str],
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert plain_endpoint("s3", Settings(region=region)) == expected


def test_a_client_is_made_when_it_is_first_asked_and_only_once() -> None:
    made: list[object] = []
    client = LazyClient(lambda: made.append({}) or made[-1])
    client.close()
    assert made == []
    assert client.keys() == client.keys() == {}.keys()
    assert client.make() is made[0]
    assert len(made) == 1


def test_a_profile_that_does_not_exist_is_told_with_the_first_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_profile() -> object:
        raise DependencyError("make a client of s3: no-such-profile")

    with pytest.raises(DependencyError, match="no-such-profile"):
        LazyClient(no_profile).get_object()
