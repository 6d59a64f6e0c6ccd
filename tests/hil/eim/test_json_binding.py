"""JSON requests and answers of the virtual eIM: examples, strictness, both bindings at one port."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hil.eim.json_binding import PATH, UnknownFunctionError, to_body, to_message
from hil.eim.messages import MalformedRequestError
from tests.hil.eim import vectors as v

EID = "89049032001234567890000000100070"


def asked(function: str, **members: Any) -> bytes:
    return to_message(PATH + function, json.dumps(members).encode())


def test_example_requests_are_read() -> None:
    assert asked("getEimPackage", eidValue=EID) == v.GEP1
    changed = asked("getEimPackage", eidValue=EID, notifyStateChange=True, stateChangeCause=1, rPLMN="130062")
    assert changed == v.GEP2
    result = asked("provideEimPackageResult", eidValue=EID, eimPackageResult="v1QLggShoqOkMAOAAX8=")
    assert result == v.PR8


@pytest.mark.parametrize(
    ("answer", "members"),
    [
        (v.GER1, {"eimPackageError": 1}),
        (v.GER7, {"ipaEuiccDataRequest": "v1IVXA2ggaK/IL8ig4SlpqipgwShoqOk"}),
        (v.PA1, {"eimAcknowledgements": "v1MJgAEHgAEIgAEJ"}),
        (v.PA2, {}),
        (bytes.fromhex("BF5000"), {}),
        (bytes.fromhex("BF5003020102"), {"provideEimPackageResultError": 2}),
        (bytes.fromhex("BF4102A000"), {}),
    ],
)
def test_example_answers_are_written(answer: bytes, members: dict[str, Any]) -> None:
    header = {"functionExecutionStatus": {"status": "Executed-Success"}}
    assert json.loads(to_body(answer)) == {"header": header, **members}


@pytest.mark.parametrize(
    ("answer", "subject", "reason"),
    [
        ("BF3903810101", "8.8.1", "3.8"),
        ("BF3903810134", "1.2", "4.2"),
        ("BF3B03820106", "8.2.6", "3.8"),
        ("BF3A0381015F", "8.10.1", "3.9"),
        ("BF4103810102", "8.1", "6.1"),
    ],
)
def test_errors_of_relay_functions_are_status_codes(answer: str, subject: str, reason: str) -> None:
    status = json.loads(to_body(bytes.fromhex(answer)))["header"]["functionExecutionStatus"]
    data = status["statusCodeData"]
    assert (status["status"], data["subjectCode"], data["reasonCode"]) == ("Failed", subject, reason)


@pytest.mark.parametrize(
    ("function", "members"),
    [
        ("getEimPackage", {"eidValue": EID[:-1]}),
        ("getEimPackage", {"eidValue": EID[:-2]}),
        ("getEimPackage", {"eidValue": 5}),
        ("getEimPackage", {"eidValue": EID, "notifyStateChange": "true"}),
        ("getEimPackage", {"eidValue": EID, "stateChangeCause": "1"}),
        ("getEimPackage", {"eidValue": EID, "rPLMN": "13006f"}),
        ("provideEimPackageResult", {"eidValue": EID}),
        ("provideEimPackageResult", {"eidValue": EID, "eimPackageResult": "v1QLggSh\noqOkMAOAAX8="}),
        ("handleNotification", {"provideEimPackageResult": "v1QA"}),
        ("cancelSession", {"transactionId": "a1", "cancelSessionResponse": "v0EA"}),
        ("cancelSession", {"transactionId": "A1" * 17, "cancelSessionResponse": "v0EA"}),
    ],
)
def test_request_that_breaks_the_rules_is_refused(function: str, members: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequestError):
        asked(function, **members)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{"])
def test_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        to_message(PATH + "getEimPackage", body)


def test_path_without_function_is_refused() -> None:
    with pytest.raises(UnknownFunctionError):
        to_message(PATH + "transferEimPackage", b"{}")
