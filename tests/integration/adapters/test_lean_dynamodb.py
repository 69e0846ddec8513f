"""The short way to one item, against a server that answers as each test says."""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from recsysops.adapters import aws_clients
from recsysops.adapters.aws_clients import current_keys, make_client, timeouts_of
from recsysops.adapters.lean_dynamodb import LeanDynamoDb
from recsysops.adapters.lean_http import LeanHttp, Peer
from recsysops.adapters.sigv4 import Call, Keys
from recsysops.settings import Settings

from tests.fakes.plain_server import Script, Server, always, plain

ITEM = {"member_id": {"S": "m1"}, "vectors": {"M": {"m-1": {"B": "AAEC"}}}, "B": {"S": "text"}}
CALL = {"TableName": "members", "Key": {"member_id": {"S": "m1"}}, "ConsistentRead": False}
FOUND = json.dumps({"Item": ITEM}).encode()
THROTTLED = b'{"__type":"com.amazonaws#ThrottlingException","message":"slow down"}'

Connect = Callable[..., LeanDynamoDb]


@pytest.fixture
def connect() -> Iterator[Callable[..., LeanDynamoDb]]:
    made: list[LeanDynamoDb] = []

    def make(server: Server, *, scheme: str = "http", **options: Any) -> LeanDynamoDb:
        url = f"{scheme}://127.0.0.1:{server.port}"
        settings = Settings(endpoint=url)
        client = make_client("dynamodb", settings, patience="request")
        waits = timeouts_of("request", settings)
        peer = Peer(url, "dynamodb", settings.region, *waits)
        http = LeanHttp(peer, **{"keys": lambda: current_keys(settings), **options})
        made.append(LeanDynamoDb(client, http))
        return made[-1]

    yield make
    for lean in made:
        lean._http.close()
        lean.close()


def test_an_item_is_what_boto3_returns(serve: Callable[..., Server], connect: Connect) -> None:
    server = serve(always(plain(FOUND)))
    lean = connect(server)
    found = lean.get_item(**CALL)
    expected = lean._client.get_item(**CALL)
    del expected["ResponseMetadata"]
    assert found == expected
    assert found["Item"]["vectors"]["M"]["m-1"]["B"] == b"\x00\x01\x02"
    lean_request, usual_request = server.requests
    assert json.loads(lean_request.partition(b"\r\n\r\n")[2]) == json.loads(
        usual_request.partition(b"\r\n\r\n")[2]
    )


def test_nobody_there_is_an_answer_too(serve: Callable[..., Server], connect: Connect) -> None:
    assert connect(serve(always(plain(b"{}")))).get_item(**CALL) == {}


def test_one_connection_serves_many_reads(serve: Callable[..., Server], connect: Connect) -> None:
    server = serve(always(plain(FOUND)))
    lean = connect(server)
    for _ in range(5):
        lean.get_item(**CALL)
    assert (len(server.requests), server.connections) == (5, 1)
    lean._http.close()
    lean.get_item(**CALL)
    assert server.connections == 2


def test_an_answer_in_pieces_is_put_together(
    serve: Callable[..., Server], connect: Connect
) -> None:
    def drip(connection: socket.socket, _: int) -> bool:
        whole = plain(FOUND)
        for start in range(0, len(whole), 7):
            connection.sendall(whole[start : start + 7])
        return True

    assert connect(serve(drip)).get_item(**CALL)["Item"]["member_id"] == {"S": "m1"}


def test_an_idle_connection_that_died_is_replaced(
    serve: Callable[..., Server], connect: Connect
) -> None:
    server = serve(lambda connection, _: bool(connection.sendall(plain(FOUND))))
    lean = connect(server)
    assert lean.get_item(**CALL) == lean.get_item(**CALL)
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize(
    "first",
    [
        plain(THROTTLED, status="400 Bad Request"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        plain(FOUND) + b"and more",
        b"SSH-2.0\r\n\r\n",
        b"",
    ],
    ids=["throttled", "chunked", "no number", "too long", "another protocol", "hung up"],
)
def test_what_is_not_plain_is_asked_again_by_boto3(
    first: bytes, serve: Callable[..., Server], connect: Connect
) -> None:
    def script(connection: socket.socket, number: int) -> bool:
        connection.sendall(first if number == 1 else plain(FOUND))
        return number > 1

    server = serve(script)
    found = connect(server).get_item(**CALL)
    assert found["Item"]["member_id"] == {"S": "m1"}
    assert b"Botocore" not in server.requests[0]
    assert b"Botocore" in server.requests[1]


def test_an_error_has_the_words_of_boto3(serve: Callable[..., Server], connect: Connect) -> None:
    lean = connect(serve(always(plain(THROTTLED, status="400 Bad Request"))))
    with pytest.raises(ClientError, match="slow down"):
        lean.get_item(**CALL)


@pytest.mark.parametrize("reads_before", [0, 1])
def test_a_read_that_takes_too_long_is_not_asked_again(
    reads_before: int,
    serve: Callable[..., Server],
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry = {**aws_clients._CONFIGS["request"], "read_timeout": 0.2}
    monkeypatch.setitem(aws_clients._CONFIGS, "request", hurry)
    script: Script = lambda connection, number: (  # noqa: E731 - a table of answers
        number > reads_before or connection.sendall(plain(FOUND)) is None
    )
    server = serve(script)
    lean = connect(server)
    for _ in range(reads_before):
        lean.get_item(**CALL)
    with pytest.raises(ReadTimeoutError):
        lean.get_item(**CALL)
    assert len(server.requests) == reads_before + 1


def test_without_credentials_boto3_is_asked(serve: Callable[..., Server], connect: Connect) -> None:
    server = serve(always(plain(FOUND)))
    connect(server, keys=lambda: None).get_item(**CALL)
    assert b"Botocore" in server.requests[0]


def test_every_other_call_is_boto3s(serve: Callable[..., Server], connect: Connect) -> None:
    server = serve(always(plain(b'{"TableNames":["members"]}')))
    assert connect(server).list_tables()["TableNames"] == ["members"]


def test_over_tls_only_a_trusted_server_is_read(
    serve: Callable[..., Server], connect: Connect, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = serve(always(plain(FOUND)), context)
    given = {"scheme": "https", "keys": lambda: Keys("a", "b")}
    trusting = connect(server, authorities=str(certificate), **given)
    assert trusting.get_item(**CALL)["Item"]["member_id"] == {"S": "m1"}
    assert connect(server, **given)._http.ask(Call("POST")) is None


def test_keys_are_those_of_the_environment_then_of_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert current_keys(Settings(endpoint="http://127.0.0.1:9")) == Keys("test", "test")
    nobody = SimpleNamespace(get_credentials=lambda: None)
    monkeypatch.setattr(aws_clients, "_session", lambda: nobody)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "testing")
    assert current_keys(Settings()) == Keys("testing", "testing", "testing")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert current_keys(Settings()) is None


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
