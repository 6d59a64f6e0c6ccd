"""TransferEimPackage in JSON, with the agent as the server."""

from __future__ import annotations

import base64
import json

import pytest

from ipad.errors import CodecError
from ipad.esipa.injection import ASN1_PATH, JSON_PATH, answer_body, json_handler, request_message, routes
from ipad.esipa.version10 import upgraded
from ipad.net.peer_rules import PeerIdentity
from ipad.net.serving import Answer
from tests.vectors.sgp32 import VECTORS

PEER = PeerIdentity("eim", "192.0.2.1")
INVALID = {"header": {"functionExecutionStatus": {"status": "Executed-Success"}}, "eimPackageError": 1}


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("TQ1", "euiccPackageRequest"),
        ("TQ2", "ipaEuiccDataRequest"),
        ("TQ3", "eimAcknowledgements"),
        ("TQ4", "profileDownloadTriggerRequest"),
    ],
)
def test_request_is_the_package_in_its_member(key: str, name: str) -> None:
    whole = vector(key)
    package = whole[4 if whole[2] & 0x80 else 3 :]
    others: dict[str, object] = {"eimAcknowledgements": None, "euiccPackageRequest": "", "header": {}}
    assert request_message(json.dumps({**others, name: b64(package)}).encode()) == whole


@pytest.mark.parametrize(
    ("key", "name", "value"),
    [
        ("TS3", "ipaEuiccDataResponse", None),
        ("TS1", "euiccPackageResult", None),
        ("TS4", "eimPackageReceived", True),
        ("TS5", "eimPackageError", 2),
    ],
)
def test_answer_is_in_its_member(key: str, name: str, value: object) -> None:
    members = json.loads(answer_body(vector(key)))
    assert set(members) == {"header", name}
    assert members["header"] == INVALID["header"]
    inner = vector(key)[4 if vector(key)[2] & 0x80 else 3 :]
    assert members[name] == (b64(inner) if value is None else value)


def test_result_and_notifications_are_members_of_a_member() -> None:
    members = json.loads(answer_body(vector("TS2")))["ePRAndNotifications"]
    result, listed = (base64.b64decode(members[name]) for name in ("euiccPackageResult", "notificationList"))
    assert vector("TS2").endswith(result + listed)
    assert (result[:2], listed[:1]) == (b"\xbf\x51", b"\xa0")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"euiccPackageRequest": 5}',
        b'{"euiccPackageRequest": "no base64!"}',
        b'{"euiccPackageRequest": "v1IA"}',
        b'{"ipaEuiccDataRequest": "v1IA", "eimAcknowledgements": "v1MA"}',
        b'{"package": "v1MA"}',
    ],
)
def test_body_without_exactly_one_package_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError):
        request_message(body)


def test_message_that_answers_something_else_has_no_json() -> None:
    with pytest.raises(CodecError):
        answer_body(bytes.fromhex("BF4E03830102"))


@pytest.mark.asyncio
async def test_json_handler_translates_both_ways() -> None:
    asked: list[bytes] = []

    async def handler(message: bytes, peer: PeerIdentity) -> Answer:
        asked.append(message)
        assert peer is PEER
        return Answer(body=vector("TS4"))

    answer = await json_handler(handler)(b'{"eimAcknowledgements":"v1MDgAEH"}', PEER)
    assert asked == [vector("TQ3")]
    assert answer.body is not None
    assert json.loads(answer.body)["eimPackageReceived"] is True


@pytest.mark.asyncio
async def test_garbage_in_json_never_gets_to_the_handler() -> None:
    async def handler(_message: bytes, _peer: PeerIdentity) -> Answer:
        raise AssertionError("asked")

    answer = await json_handler(handler)(b"garbage", PEER)
    assert answer.body is not None
    assert json.loads(answer.body) == INVALID


@pytest.mark.asyncio
async def test_refusal_to_answer_now_passes_through_json() -> None:
    async def handler(_message: bytes, _peer: PeerIdentity) -> Answer:
        return Answer(retry_after=30)

    answer = await json_handler(handler)(b'{"eimAcknowledgements":"v1MDgAEH"}', PEER)
    assert (answer.body, answer.retry_after) == (None, 30)


@pytest.mark.parametrize(
    ("bindings", "paths"),
    [(("asn1",), {ASN1_PATH}), (("json",), {JSON_PATH}), (("asn1", "json"), {ASN1_PATH, JSON_PATH})],
)
def test_only_the_wanted_bindings_have_a_resource(bindings: tuple[str, ...], paths: set[str]) -> None:
    async def handler(_message: bytes, _peer: PeerIdentity) -> Answer:
        return Answer()

    assert set(routes(handler, bindings)) == paths


def test_data_request_of_v10_is_understood() -> None:
    old = bytes.fromhex("BF4E06BF52035C0180")
    assert upgraded(old) == bytes.fromhex("BF4E06BF52035C0181")
