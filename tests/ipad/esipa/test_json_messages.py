"""Messages in ASN.1 and their calls in JSON: the published examples, leniencies, and answers that are refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ipad.codec.esipa import GetEimPackageResponse, ProvideEimPackageResultResponse
from ipad.codec.esipa_rsp import (
    AuthenticateClientResponseEsipa,
    GetBoundProfilePackageResponseEsipa,
    InitiateAuthenticationResponseEsipa,
)
from ipad.errors import CodecError, RspStatusError
from ipad.esipa.json_messages import call, message
from tests.vectors.sgp32 import VECTORS

SUCCESS = {"functionExecutionStatus": {"status": "Executed-Success"}}


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def answered(key: str, **members: Any) -> bytes:
    """What an executed answer to the request of that name is in ASN.1."""
    return message(call(vector(key)), json.dumps({"header": SUCCESS, **members}).encode())


def failed(key: str, subject: str = "", reason: str = "", status: str = "Failed") -> bytes:
    data = {"subjectCode": subject, "reasonCode": reason}
    header = {"functionExecutionStatus": {"status": status, "statusCodeData": data}}
    return message(call(vector(key)), json.dumps({"header": header}).encode())


@pytest.mark.parametrize(
    ("key", "function", "body"),
    [
        ("GEP1", "getEimPackage", '{"eidValue":"89049032001234567890000000100070"}'),
        (
            "GEP2",
            "getEimPackage",
            (
                '{"eidValue":"89049032001234567890000000100070","notifyStateChange":true,"stateChangeCause":1,'
                '"rPLMN":"130062"}'
            ),
        ),
        (
            "IA1",
            "initiateAuthentication",
            (
                '{"euiccChallenge":"ABEiM0RVZneImaq7zN3u/w==","smdpAddress":"smdp.example.com","eimTransactionId":"A1A2A3A4",'
                '"euiccInfo1":"vyA1ggMCBQCpFgQU9UFyvfmKldZcvriKOKHBHYAKhcOqFgQU9UFyvfmKldZcvriKOKHBHYAKhcM="}'
            ),
        ),
        (
            "CS1",
            "cancelSession",
            '{"transactionId":"0102030405060708","cancelSessionResponse":"v0EdoBswEoAIAQIDBAUGBwgGA4g3BIEBA183BN6tvu8="}',
        ),
        (
            "HN3",
            "handleNotification",
            (
                '{"provideEimPackageResult":"v1CBgFoQiQSQMgASNFZ4kAAAABAAcL9Ua4IEoaKjpL83Yr8nWIAIAQIDBAUGBwi/LyWAAQmBAgeADBBz'
                'bWRwLmV4YW1wbGUuY29tWgqYlCAAAAAAABABBgOINwSiH6AdTxCgAAAFWRAQ/////4kAABIABAkwB6AFMAOAAQBfNwTerb7v"}'
            ),
        ),
        (
            "V1",
            "getEimPackage",
            '{"eidValue":"89049032001234567890000000100070","notifyStateChange":true,"rPLMN":"00F110"}',
        ),
    ],
)
def test_example_of_a_request_is_written_byte_for_byte(key: str, function: str, body: str) -> None:
    asked = call(vector(key))
    assert (asked.function, asked.body.decode()) == (function, body)


def test_example_of_a_result_is_written_byte_for_byte() -> None:
    result = bytes.fromhex("BF501E5A1089049032001234567890000000100070") + base64.b64decode("v1QLggShoqOkMAOAAX8=")
    result = result[:2] + bytes((len(result) - 3,)) + result[3:]
    asked = call(result)
    assert asked.function == "provideEimPackageResult"
    assert asked.body == (b'{"eidValue":"89049032001234567890000000100070","eimPackageResult":"v1QLggShoqOkMAOAAX8="}')


@pytest.mark.parametrize("key", ["CS2", "CS3"])
def test_nested_forms_of_a_cancelled_session_are_sent_in_one(key: str) -> None:
    assert call(vector(key)).body == call(vector("CS1")).body


@pytest.mark.parametrize(
    ("key", "answer", "expected"),
    [
        ("GEP1", '"eimPackageError":1', "GER1"),
        ("GEP1", '"ipaEuiccDataRequest":"v1IVXA2ggaK/IL8ig4SlpqipgwShoqOk"', "GER7"),
        ("PR1", '"eimAcknowledgements":"v1MJgAEHgAEIgAEJ"', "PA1"),
    ],
)
def test_example_of_an_answer_is_read(key: str, answer: str, expected: str) -> None:
    body = '{"header":{"functionExecutionStatus":{"status":"Executed-Success"}},\n ' + answer + "}"
    assert message(call(vector(key)), body.encode()) == vector(expected)


def test_package_wins_over_an_error_beside_it() -> None:
    package = b64(vector("EP1"))
    for code in (0, 1, 127):
        found = GetEimPackageResponse.decode(answered("GEP1", eimPackageError=code, euiccPackageRequest=package))
        assert found.euicc_package_request is not None
        assert found.euicc_package_request.encode() == vector("EP1")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"eimPackageError": 0},
        {"eimPackageError": None, "euiccPackageRequest": None},
        {"euiccPackageRequest": "", "ipaEuiccDataRequest": "", "eimPackageError": 1},
    ],
)
def test_nothing_in_any_form_is_no_package(members: dict[str, Any]) -> None:
    assert answered("GEP1", **members) == vector("GER1")


@pytest.mark.parametrize(
    "members", [{}, {"eimAcknowledgements": None}, {"eimAcknowledgements": "", "provideEimPackageResultError": 0}]
)
def test_answer_to_a_result_without_content_is_an_empty_response(members: dict[str, Any]) -> None:
    assert answered("PR1", **members) == vector("PA2")


def test_acknowledgements_may_lack_their_tag() -> None:
    assert answered("PR1", eimAcknowledgements=b64(bytes.fromhex("800107800108800109"))) == vector("PA1")


def test_error_of_a_result_wins_over_acknowledgements() -> None:
    acknowledgements = b64(bytes.fromhex("BF5303800107"))
    assert answered("PR1", provideEimPackageResultError=2, eimAcknowledgements=acknowledgements) == vector("PA3")


@pytest.mark.parametrize(("status", "key", "expected"), [("Failed", "GEP1", "GER5"), ("Expired", "PR1", "PA4")])
def test_function_that_was_not_executed_without_a_code_is_undefined_error(status: str, key: str, expected: str) -> None:
    assert failed(key, status=status) == vector(expected)


def test_executed_with_warning_is_executed() -> None:
    header = {"functionExecutionStatus": {"status": "Executed-WithWarning"}}
    body = json.dumps({"header": header, "eimPackageError": 2}).encode()
    assert message(call(vector("GEP1")), body) == vector("GER2")


def test_answer_without_header_is_read() -> None:
    assert message(call(vector("GEP1")), b'{"eimPackageError": 2}') == vector("GER2")


SIGNED1 = bytes.fromhex(VECTORS["IB1"]["hex"])
SIGNATURE = bytes.fromhex("DEADBEEF")
KEY_ID = bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3")
CERTIFICATE = bytes.fromhex("300A30030201053000030100")


def authentication(**changes: Any) -> dict[str, Any]:
    decoded = InitiateAuthenticationResponseEsipa.decode(vector("IB1")).initiate_authentication_ok_esipa
    assert decoded is not None
    members = {
        "transactionId": "0102030405060708",
        "serverSigned1": b64(decoded.server_signed1.encode()),
        "serverSignature1": b64(b"\x5f\x37\x04" + SIGNATURE),
        "euiccCiPKIdentifierToBeUsed": b64(b"\x04\x14" + KEY_ID),
        "serverCertificate": b64(CERTIFICATE),
        "matchingId": "MATCH-01",
    }
    return {**members, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"serverSignature1": b64(SIGNATURE)},
        {"serverSignature1": b64(b"\x04\x04" + SIGNATURE)},
        {"euiccCiPKIdentifierToBeUsed": b64(KEY_ID)},
        {"euiccCiPKIdentifierToBeUsed": None, "euiccCiPKIdToBeUsed": b64(KEY_ID)},
        {"transactionId": "0102030405060708".lower()},
        {"ctxParams1": None},
        {"serverCertificate": b64(CERTIFICATE)[:8] + "\n" + b64(CERTIFICATE)[8:]},
    ],
    ids=["whole", "bare signature", "octet string", "bare key id", "other name", "lower case", "null", "broken line"],
)
def test_every_form_of_a_server_authentication_is_the_same_message(changes: dict[str, Any]) -> None:
    assert answered("IA1", **authentication(**changes)) == vector("IB1")


@pytest.mark.parametrize("explicit", [False, True])
def test_context_of_the_eim_comes_with_or_without_its_outer_tag(explicit: bool) -> None:
    context = vector("IB2")[-29:]
    assert context.startswith(b"\xa2\x1b\xa0")
    members = authentication(matchingId="", ctxParams1=b64(context if explicit else context[2:]))
    assert answered("IA1", **members) == vector("IB2")


def test_answer_without_transaction_id_is_read() -> None:
    members = authentication(
        transactionId=None, matchingId=None, euiccCiPKIdentifierToBeUsed=b64(b"\x04\x02" + KEY_ID[:2])
    )
    assert answered("IA2", **members) == vector("IB3")


def client_answer(key: str) -> dict[str, Any]:
    ok = AuthenticateClientResponseEsipa.decode(vector(key)).authenticate_client_ok_dp_esipa
    assert ok is not None
    return {
        "transactionId": None if ok.transaction_id is None else ok.transaction_id.hex(),
        "profileMetadata": None if ok.profile_meta_data is None else b64(ok.profile_meta_data.encode()),
        "smdpSigned2": b64(ok.smdp_signed2.encode()),
        "smdpSignature2": b64(ok.smdp_signature2),
        "smdpCertificate": b64(ok.smdp_certificate),
        "hashCc": None if ok.hash_cc is None else b64(ok.hash_cc),
    }


@pytest.mark.parametrize("key", ["AD1", "AD2"])
def test_answer_of_a_smdp_is_read(key: str) -> None:
    assert answered("AC1", **client_answer(key)) == vector(key)


def test_answer_of_a_smds_is_read_also_without_its_transaction_id() -> None:
    trigger = vector("AD3")[-37:]
    assert trigger[:2] == b"\xbf\x54"
    assert answered("AC1", transactionId="0102030405060708", profileDownloadTrigger=b64(trigger)) == vector("AD3")
    assert answered("AC1") == vector("AD4")


@pytest.mark.parametrize(
    ("key", "subject", "reason", "expected"),
    [
        ("IA1", "8.8.1", "3.8", "BF3903810101"),
        ("IA1", "8.8.3", "3.1", "BF3903810102"),
        ("IA1", "8.8.2", "3.1", "BF3903810103"),
        ("IA1", "9.9", "9.9", "BF390381017F"),
        *(
            ("AC1", subject, reason, f"BF3B038201{code:02X}")
            for code, (subject, reason) in enumerate(
                [
                    ("8.1.2", "6.1"),
                    ("8.1.2", "6.3"),
                    ("8.1.3", "6.1"),
                    ("8.1.3", "6.3"),
                    ("8.1", "6.1"),
                    ("8.2.6", "3.8"),
                    ("8.1.1", "3.8"),
                    ("8.2.5", "4.3"),
                    ("8.11.1", "3.9"),
                    ("8.10.1", "3.9"),
                ],
                1,
            )
        ),
        ("AC1", "8.8.5", "4.10", "BF3B03820112"),
        ("GB1", "8.1", "6.1", "BF3A03810101"),
        ("GB1", "8.2.7", "2.2", "BF3A03810102"),
        ("GB1", "8.2.7", "3.8", "BF3A03810103"),
        ("GB1", "8.2.7", "6.4", "BF3A03810104"),
        ("GB1", "8.2", "3.7", "BF3A03810105"),
        ("GB1", "8.8.5", "4.10", "BF3A03810106"),
        ("GB1", "8.10.1", "3.9", "BF3A0381015F"),
        ("CS1", "8.10.1", "3.9", "BF4103810101"),
        ("CS1", "8.1", "6.1", "BF4103810102"),
        ("CS1", "", "", "BF410381017F"),
    ],
)
def test_status_codes_become_the_codes_of_esipa(key: str, subject: str, reason: str, expected: str) -> None:
    assert failed(key, subject, reason) == bytes.fromhex(expected)


@pytest.mark.parametrize("escaped", [False, True])
def test_bound_profile_package_is_read(escaped: bool) -> None:
    ok = GetBoundProfilePackageResponseEsipa.decode(vector("GC1")).get_bound_profile_package_ok_esipa
    assert ok is not None
    body = json.dumps(
        {
            "header": SUCCESS,
            "boundProfilePackage": b64(bytes(ok.bound_profile_package)),
            "transactionId": "0102030405060708",
        }
    )
    if escaped:
        body = body.replace("/", "\\/")
    assert message(call(vector("GB1")), body.encode()) == vector("GC1")


def test_package_member_of_an_inner_object_is_not_the_package() -> None:
    package = b64(vector("GC1")[17:])
    inner = {"header": SUCCESS, "other": {"boundProfilePackage": "v0YA"}, "boundProfilePackage": package}
    assert message(call(vector("GB1")), json.dumps(inner).encode())[-8:] == vector("GC1")[-8:]
    with pytest.raises(CodecError, match="boundProfilePackage: missing"):
        message(
            call(vector("GB1")), json.dumps({"header": SUCCESS, "other": {"boundProfilePackage": package}}).encode()
        )


def test_notification_is_accepted_unless_the_answer_says_failed() -> None:
    for body in (b"accepted", b"{}", b"[]", json.dumps({"header": SUCCESS}).encode()):
        assert message(call(vector("HN1")), body) == b""
    with pytest.raises(RspStatusError, match=r"the server answered Failed 8\.1/6\.1"):
        failed("HN1", "8.1", "6.1")


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        ("GEP1", b"", "no JSON"),
        ("GEP1", b"[1]", "expected a JSON object"),
        ("GEP1", b"\xff\xfe\x00", "no JSON"),
        ("GEP1", b"[" * 100_000, "no JSON"),
        ("GEP1", b'{"eimPackageError":"1"}', "expected a number, got str"),
        ("GEP1", b'{"eimPackageError":true}', "expected a number, got bool"),
        ("GEP1", b'{"eimPackageError":1e400}', "expected a number, got float"),
        ("GEP1", b'{"eimPackageError":-1}', "out of range"),
        ("GEP1", b'{"eimPackageError":' + b"9" * 40 + b"}", "out of range"),
        ("GEP1", b'{"eimPackageError":' + b"9" * 5000 + b"}", "no JSON"),
        ("GEP1", b'{"euiccPackageRequest":5}', "expected a string, got int"),
        ("GEP1", b'{"euiccPackageRequest":"?"}', "no base64"),
        ("GEP1", b'{"euiccPackageRequest":"v1EA/"}', "no base64"),
        ("GEP1", b'{"euiccPackageRequest":"v1IA"}', "expected the tag BF51, got BF52"),
        ("GEP1", b'{"euiccPackageRequest":"v1EABQA="}', "2 bytes follow"),
        ("GEP1", b'{"euiccPackageRequest":"v1EF"}', "says 5 bytes"),
        ("IA1", b"{}", "serverSigned1: missing"),
        ("IA1", b'{"serverSigned1":"v1EA"}', "expected the tag 30, got BF51"),
        ("IA1", b'{"transactionId":"0G"}', "expected 2 to 32 hexadecimal digits"),
        ("AC1", b'{"transactionId":"' + b"00" * 17 + b'"}', "expected 2 to 32 hexadecimal digits"),
        ("AC1", b'{"smdpSigned2":"MAA="}', "smdpSignature2: missing"),
        ("GB1", b'{"boundProfilePackage":"v1EA"}', "expected the tag BF36, got BF51"),
        ("GB1", b'{"boundProfilePackage":"vzYF"}', "the TLV says 8 bytes, 3 are there"),
        ("GB1", b'{"boundProfilePackage":"vzYAAAA"}', "no base64: 7 digits"),
        ("GB1", b'{"boundProfilePackage":"vzY?"}', "no base64"),
        ("GB1", b'{"boundProfilePackage":"vzYAA A="}', "no base64"),
        ("GB1", b'{"boundProfilePackage":""}', "missing"),
        ("GB1", b'{"boundProfilePackage":7}', "expected a string, got int"),
        ("GB1", b'{"boundProfilePackage":"vzYA","boundProfilePackage":null}', "missing"),
    ],
)
def test_answer_that_is_none_is_refused(key: str, body: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        message(call(vector(key)), body)


@pytest.mark.parametrize("data", ["BF4E020500", "BF6F00", "BF4F00", "BF3B00", "BF3D00", "BF4100"])
def test_message_without_a_function_is_refused(data: str) -> None:
    with pytest.raises(CodecError, match=r"no function|lacks"):
        call(bytes.fromhex(data))


def test_empty_acknowledgement_list_stays_empty() -> None:
    decoded = ProvideEimPackageResultResponse.decode(answered("PR1", eimAcknowledgements="v1MA"))
    assert decoded.eim_acknowledgements is not None
    assert decoded.eim_acknowledgements.sequence_numbers == ()
