"""ES9+ and ES11 functions against canned servers."""

from __future__ import annotations

import base64
import json

import pytest

from ipad.codec import tlv
from ipad.errors import ExchangeError, RspStatusError
from ipad.es9.functions import Es9Client, Event

TRANSACTION_ID = bytes.fromhex("0123456789ABCDEF0123456789ABCDEF")
SIGNED1 = bytes.fromhex(
    "304780100123456789ABCDEF0123456789ABCDEF8110000102030405060708090A0B0C0D0E0F"
    "830F736D64702E6578616D706C652E696F8410101112131415161718191A1B1C1D1E1F"
)
SIGNED2 = bytes.fromhex("301580100123456789ABCDEF0123456789ABCDEF010100")
METADATA = bytes.fromhex("BF25155A0A9894200000000000100191024F709203496F54")
SIGNATURE = bytes(range(64))
KEY_ID = bytes(range(20))
CERTIFICATE = bytes.fromhex("300A30030201053000030100")
INFO1 = bytes.fromhex("BF2000")


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


class Server:
    """Answers with what it was given and remembers what it was asked."""

    def __init__(self, answer: object, *, raw: bytes | None = None) -> None:
        self._answer = json.dumps(answer).encode() if raw is None else raw
        self.function = ""
        self.request: dict[str, str] = {}
        self.closed = False

    async def post(self, function: str, body: bytes) -> bytes:
        self.function = function
        self.request = json.loads(body)
        return self._answer

    async def close(self) -> None:
        self.closed = True


def success(**members: object) -> dict[str, object]:
    return {"header": {"functionExecutionStatus": {"status": "Executed-Success"}}, **members}


def authentication(**changes: object) -> dict[str, object]:
    return success(
        **{
            "transactionId": TRANSACTION_ID.hex().upper(),
            "serverSigned1": b64(SIGNED1),
            "serverSignature1": b64(tlv.tlv(0x5F37, SIGNATURE)),
            "euiccCiPKIdToBeUsed": b64(tlv.tlv(0x04, KEY_ID)),
            "serverCertificate": b64(CERTIFICATE),
            **changes,
        }
    )


@pytest.mark.asyncio
async def test_initiate_authentication_sends_raw_challenge_and_reads_exact_bytes() -> None:
    server = Server(authentication())
    answer = await Es9Client(server).initiate_authentication(bytes(16), INFO1, "smdp.example.io")
    assert server.function == "initiateAuthentication"
    assert server.request == {
        "euiccChallenge": b64(bytes(16)),
        "euiccInfo1": b64(INFO1),
        "smdpAddress": "smdp.example.io",
    }
    assert answer.server_signed1.raw == SIGNED1
    assert answer.server_signature1 == tlv.tlv(0x5F37, SIGNATURE)
    assert answer.euicc_ci_pk_id_to_be_used == tlv.tlv(0x04, KEY_ID)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "changes",
    [
        {"serverSignature1": b64(SIGNATURE)},
        {"serverSignature1": b64(tlv.tlv(0x04, SIGNATURE))},
        {"euiccCiPKIdToBeUsed": b64(KEY_ID)},
        {"euiccCiPKIdToBeUsed": None, "euiccCiPKIdentifierToBeUsed": b64(tlv.tlv(0x04, KEY_ID))},
        {"serverSigned1": b64(SIGNED1)[:20] + "\r\n " + b64(SIGNED1)[20:]},
        {"transactionId": None},
        {"unknownMember": {"nested": [1, 2]}},
    ],
)
async def test_what_servers_do_differently_reads_the_same(changes: dict[str, object]) -> None:
    answer = await Es9Client(Server(authentication(**changes))).initiate_authentication(bytes(16), INFO1, "a.example")
    reference = await Es9Client(Server(authentication())).initiate_authentication(bytes(16), INFO1, "a.example")
    assert answer == reference


@pytest.mark.asyncio
async def test_transaction_id_is_echoed_as_the_server_wrote_it() -> None:
    server = Server(authentication(transactionId=TRANSACTION_ID.hex()))
    answer = await Es9Client(server).initiate_authentication(bytes(16), INFO1, "a.example")
    assert answer.transaction_id == TRANSACTION_ID.hex()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transactionId": "00"}, "differs"),
        ({"transactionId": "XY"}, "hexadecimal"),
        ({"serverSigned1": None}, "serverSigned1: missing"),
        ({"serverSigned1": "*"}, "no base64"),
        ({"serverSigned1": 7}, "expected a string"),
        ({"serverSigned1": b64(SIGNED1[:-1])}, "ServerSigned1"),
        ({"serverCertificate": ""}, "missing"),
    ],
)
async def test_unreadable_answer_is_a_failed_exchange(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ExchangeError, match=reason):
        await Es9Client(Server(authentication(**changes))).initiate_authentication(bytes(16), INFO1, "a.example")


@pytest.mark.asyncio
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000])
async def test_answer_that_is_no_json_object_is_a_failed_exchange(raw: bytes) -> None:
    with pytest.raises(ExchangeError, match="JSON"):
        await Es9Client(Server(None, raw=raw)).get_bound_profile_package("00", b"")


@pytest.mark.asyncio
async def test_failed_status_names_subject_reason_and_cleaned_message() -> None:
    status = {
        "status": "Failed",
        "statusCodeData": {"subjectCode": "8.2.6", "reasonCode": "3.8", "message": "Refused\x1b[31m\n" + "x" * 999},
    }
    server = Server({"header": {"functionExecutionStatus": status}})
    with pytest.raises(RspStatusError) as caught:
        await Es9Client(server).authenticate_client("00", b"\xbf\x38\x00")
    assert (caught.value.subject, caught.value.reason) == ("8.2.6", "3.8")
    assert "authenticateClient" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.asyncio
async def test_authenticate_client_returns_the_offer() -> None:
    server = Server(
        success(
            profileMetadata=b64(METADATA),
            smdpSigned2=b64(SIGNED2),
            smdpSignature2=b64(SIGNATURE),
            smdpCertificate=b64(CERTIFICATE),
        )
    )
    offer = await Es9Client(server).authenticate_client("0102", b"\xbf\x38\x00")
    assert server.request == {"transactionId": "0102", "authenticateServerResponse": b64(b"\xbf\x38\x00")}
    assert offer.profile_metadata.raw == METADATA
    assert offer.smdp_signed2.raw == SIGNED2
    assert offer.smdp_signature2 == tlv.tlv(0x5F37, SIGNATURE)


@pytest.mark.asyncio
async def test_events_of_a_discovery_server() -> None:
    entries = [{"eventId": "E1", "rspServerAddress": "smdp.example.io"}]
    client = Es9Client(Server(success(eventEntries=entries)))
    assert await client.authenticate_client_for_events("00", b"") == (Event("E1", "smdp.example.io"),)
    assert await Es9Client(Server(success())).authenticate_client_for_events("00", b"") == ()
    with pytest.raises(ExchangeError, match="eventEntries"):
        await Es9Client(Server(success(eventEntries=[{"eventId": 1}]))).authenticate_client_for_events("00", b"")
    with pytest.raises(ExchangeError, match="eventEntries"):
        await Es9Client(Server(success(eventEntries="E1"))).authenticate_client_for_events("00", b"")


@pytest.mark.asyncio
@pytest.mark.parametrize("raw", [b"", b"  ", json.dumps(success()).encode()])
async def test_notification_is_accepted_with_an_empty_answer_or_success(raw: bytes) -> None:
    server = Server(None, raw=raw)
    await Es9Client(server).handle_notification(b"\xbf\x37\x00")
    assert server.request == {"pendingNotification": b64(b"\xbf\x37\x00")}


@pytest.mark.asyncio
async def test_refused_notification_raises() -> None:
    server = Server({"header": {"functionExecutionStatus": {"status": "Failed"}}})
    with pytest.raises(RspStatusError):
        await Es9Client(server).handle_notification(b"\xbf\x37\x00")


@pytest.mark.asyncio
async def test_package_and_cancel_travel_with_their_transaction() -> None:
    server = Server(success(boundProfilePackage=b64(b"\xbf\x36\x00")))
    client = Es9Client(server)
    assert await client.get_bound_profile_package("AB", b"\xbf\x21\x00") == b"\xbf\x36\x00"
    assert server.request == {"transactionId": "AB", "prepareDownloadResponse": b64(b"\xbf\x21\x00")}
    await client.cancel_session("AB", b"\xbf\x41\x00")
    assert server.request == {"transactionId": "AB", "cancelSessionResponse": b64(b"\xbf\x41\x00")}
    await client.close()
    assert server.closed
