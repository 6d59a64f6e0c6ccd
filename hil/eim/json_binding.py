"""The JSON binding of ESipa on the eIM's side (SGP.32 6.4): JSON requests into messages, answers into JSON.

The eIM itself knows messages in ASN.1 only. Objects of the eUICC pass as the bytes that the base64 holds.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from hil import tlv
from hil.eim.messages import MalformedRequestError, outer, parts
from hil.rsp import status
from hil.rsp.status import StatusCode

PATH: Final = "/gsma/rsp2/esipa/"
CONTENT_TYPE: Final = "application/json;charset=UTF-8"
MEDIA_TYPE: Final = "application/json"

_SUCCESS: Final = {"functionExecutionStatus": {"status": "Executed-Success"}}
_LARGEST_TRANSACTION: Final = 16

Members = Mapping[str, Any]
Fields = dict[int, tlv.Tlv]


class UnknownFunctionError(LookupError):
    """A path that no function has."""


def to_message(target: str, body: bytes) -> bytes:
    """The EsipaMessageFromIpaToEim of a JSON request to this path.

    Raises UnknownFunctionError, and MalformedRequestError for a body that is no such request.
    """
    function = target.partition("?")[0].removeprefix(PATH)
    if function not in _REQUESTS:
        raise UnknownFunctionError(function)
    try:
        members = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise MalformedRequestError(f"{function}: no JSON: {error}") from error
    if not isinstance(members, dict):
        raise MalformedRequestError(f"{function}: no JSON object")
    return _REQUESTS[function]({name: value for name, value in members.items() if value not in (None, "")})


def to_body(answer: bytes) -> bytes:
    """The JSON answer for an EsipaMessageFromEimToIpa."""
    message = tlv.single(answer)
    return json.dumps(_ANSWERS[message.tag](parts(message.value))).encode()


def binary(members: Members, name: str, tag: int | None = None) -> bytes:
    """A base64 member: standard alphabet, padded, in one line, and one TLV with `tag` if given."""
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedRequestError(f"{name} is missing or no string")
    try:
        octets = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedRequestError(f"{name}: {error}") from error
    if tag is not None and outer(octets).tag != tag:
        raise MalformedRequestError(f"{name}: not {tag:X} but {octets[:2].hex().upper()}")
    return octets


def _hex(members: Members, name: str, size: int | None = None) -> bytes:
    """Hexadecimal digits, which are upper case (6.4)."""
    value = members.get(name)
    if not isinstance(value, str) or not value or len(value) % 2 or set(value) - set("0123456789ABCDEF"):
        raise MalformedRequestError(f"{name} {value!r} is no even number of upper-case hexadecimal digits")
    octets = bytes.fromhex(value)
    if len(octets) != size if size is not None else len(octets) > _LARGEST_TRANSACTION:
        raise MalformedRequestError(f"{name} has {len(octets)} bytes")
    return octets


def _eid(members: Members) -> bytes:
    return tlv.build(0x5A, _hex(members, "eidValue", 16)) if "eidValue" in members else b""


def _get_package(members: Members) -> bytes:
    content = _eid(members)
    if members.get("notifyStateChange", False) is not False:
        if members["notifyStateChange"] is not True:
            raise MalformedRequestError("notifyStateChange is not true")
        content += tlv.build(0x80)
    cause = members.get("stateChangeCause")
    if cause is not None:
        if isinstance(cause, bool) or not isinstance(cause, int):
            raise MalformedRequestError("stateChangeCause is no number")
        content += tlv.build(0x81, tlv.integer(cause))
    if "rPLMN" in members:
        content += tlv.build(0x82, _hex(members, "rPLMN", 3))
    return tlv.build(0xBF4F, content)


def _provide_result(members: Members) -> bytes:
    return tlv.build(0xBF50, _eid(members), binary(members, "eimPackageResult"))


def _handle_notification(members: Members) -> bytes:
    if "pendingNotification" in members:
        return tlv.build(0xBF3D, tlv.build(0xA0, binary(members, "pendingNotification")))
    return tlv.build(0xBF3D, binary(members, "provideEimPackageResult", 0xBF50))


def _initiate(members: Members) -> bytes:
    content = tlv.build(0x81, binary(members, "euiccChallenge"))
    if "smdpAddress" in members:
        content += tlv.build(0x83, str(members["smdpAddress"]).encode())
    if "euiccInfo1" in members:
        content += binary(members, "euiccInfo1", 0xBF20)
    if "eimTransactionId" in members:
        content += tlv.build(0x82, _hex(members, "eimTransactionId"))
    return tlv.build(0xBF39, content)


def _of_session(tag: int, name: str, object_tag: int) -> Callable[[Members], bytes]:
    def build(members: Members) -> bytes:
        transaction = tlv.build(0x80, _hex(members, "transactionId"))
        return tlv.build(tag, transaction, binary(members, name, object_tag))

    return build


def _cancel(members: Members) -> bytes:
    """In ASN.1 the implicit tag A1 replaces the one of the eUICC's response (6.3.2.5)."""
    response = tlv.single(binary(members, "cancelSessionResponse", 0xBF41))
    return tlv.build(0xBF41, tlv.build(0x80, _hex(members, "transactionId")), tlv.build(0xA1, response.value))


def _package(content: list[tlv.Tlv]) -> dict[str, Any]:
    element = content[0]
    names = {0xBF51: "euiccPackageRequest", 0xBF52: "ipaEuiccDataRequest", 0xBF54: "profileDownloadTriggerRequest"}
    if element.tag == 0x02:
        return _executed({"eimPackageError": int.from_bytes(element.value, signed=True)})
    return _executed({names.get(element.tag, f"package{element.tag:X}"): element.raw})


def _acknowledgements(content: list[tlv.Tlv]) -> dict[str, Any]:
    element = content[0] if content else None
    if element is None or element.tag == 0x30:
        return _executed({})
    if element.tag == 0x02:
        return _executed({"provideEimPackageResultError": int.from_bytes(element.value, signed=True)})
    return _executed({"eimAcknowledgements": element.raw})


def _initiated(content: list[tlv.Tlv]) -> dict[str, Any]:
    if content[0].tag != 0xA0:
        return _failed("initiateAuthentication", content[0])
    fields = parts(content[0].value)
    sequences = [field.raw for field in fields if field.tag == 0x30]
    members: dict[str, Any] = {"serverSigned1": sequences[0], "serverCertificate": sequences[1]}
    for field in fields:
        match field.tag:
            case 0x80:
                members["transactionId"] = field.value.hex().upper()
            case 0x5F37:
                members["serverSignature1"] = field.raw
            case 0x04:
                members["euiccCiPKIdentifierToBeUsed"] = field.raw
            case 0x0C:
                members["matchingId"] = field.value.decode()
            case 0xA2:
                members["ctxParams1"] = field.value
    return _executed(members)


def _authenticated(content: list[tlv.Tlv]) -> dict[str, Any]:
    if content[0].tag == 0x82:
        return _failed("authenticateClient", content[0])
    fields = parts(content[0].value)
    members: dict[str, Any] = {}
    names = {
        0xBF25: "profileMetadata",
        0x5F37: "smdpSignature2",
        0x04: "hashCc",
        0xBF54: "profileDownloadTrigger",
    }
    members.update({names[field.tag]: field.raw for field in fields if field.tag in names})
    for field in fields:
        if field.tag == 0x80:
            members["transactionId"] = field.value.hex().upper()
    if content[0].tag == 0xA0:
        sequences = [field.raw for field in fields if field.tag == 0x30]
        members["smdpSigned2"], members["smdpCertificate"] = sequences
    return _executed(members)


def _bound_package(content: list[tlv.Tlv]) -> dict[str, Any]:
    if content[0].tag != 0xA0:
        return _failed("getBoundProfilePackage", content[0])
    fields: Fields = {field.tag: field for field in parts(content[0].value)}
    members: dict[str, Any] = {"boundProfilePackage": fields[0xBF36].raw}
    if 0x80 in fields:
        members["transactionId"] = fields[0x80].value.hex().upper()
    return _executed(members)


def _cancelled(content: list[tlv.Tlv]) -> dict[str, Any]:
    return _executed({}) if content[0].tag == 0xA0 else _failed("cancelSession", content[0])


def _executed(members: Mapping[str, Any]) -> dict[str, Any]:
    texts = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in members.items()
    }
    return {"header": _SUCCESS, **texts}


def _failed(function: str, error: tlv.Tlv) -> dict[str, Any]:
    code = int.from_bytes(error.value, signed=True)
    pair = _CODES[function].get(code, status.NOT_EXECUTED)
    data = {"subjectCode": pair.subject, "reasonCode": pair.reason, "message": f"{pair.message} ({code})"}
    return {"header": {"functionExecutionStatus": {"status": "Failed", "statusCodeData": data}}}


_REQUESTS: Final[Mapping[str, Callable[[Members], bytes]]] = {
    "getEimPackage": _get_package,
    "provideEimPackageResult": _provide_result,
    "handleNotification": _handle_notification,
    "initiateAuthentication": _initiate,
    "authenticateClient": _of_session(0xBF3B, "authenticateServerResponse", 0xBF38),
    "getBoundProfilePackage": _of_session(0xBF3A, "prepareDownloadResponse", 0xBF21),
    "cancelSession": _cancel,
}
_ANSWERS: Final[Mapping[int, Callable[[list[tlv.Tlv]], dict[str, Any]]]] = {
    0xBF4F: _package,
    0xBF50: _acknowledgements,
    0xBF39: _initiated,
    0xBF3B: _authenticated,
    0xBF3A: _bound_package,
    0xBF41: _cancelled,
}
_CODES: Final[Mapping[str, Mapping[int, StatusCode]]] = {
    "initiateAuthentication": {
        1: status.INVALID_SMDP_ADDRESS,
        2: status.SVN_NOT_SUPPORTED,
        3: status.CI_NOT_SUPPORTED,
    },
    "authenticateClient": {
        1: status.EUM_INVALID,
        2: status.EUM_EXPIRED,
        3: status.EUICC_INVALID,
        4: status.EUICC_EXPIRED,
        5: status.SIGNATURE_INVALID,
        6: status.MATCHING_ID_REFUSED,
        7: status.EID_MISMATCH,
        8: status.NOT_ELIGIBLE,
        9: status.UNKNOWN_CI,
        10: status.UNKNOWN_TRANSACTION,
        11: status.INSUFFICIENT_MEMORY,
        18: status.ORDER_EXPIRED,
        56: status.UNKNOWN_EVENT,
    },
    "getBoundProfilePackage": {
        1: status.SIGNATURE_INVALID,
        2: status.CODE_MISSING,
        3: status.CODE_REFUSED,
        4: status.CODE_RETRIES_EXCEEDED,
        5: status.REBINDING_REFUSED,
        6: status.ORDER_EXPIRED,
        95: status.UNKNOWN_TRANSACTION,
    },
    "cancelSession": {1: status.UNKNOWN_TRANSACTION, 2: status.SIGNATURE_INVALID},
}
