"""Messages of ESipa from the ASN.1 binding into the JSON binding and back (SGP.32 6.3, 6.4.1).

DER objects pass as the exact bytes they are. Leniencies, beside those of `ipad.codec.json_binding`: `zero-is-no-error`:
an error code 0 says nothing, and beside a package no code does. `no-package`: an executed GetEimPackage with neither
package nor error says that there is none. `es9-key-id-name`: the key identifier under its name in ES9+. `null-member`:
null and "" are absent members.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from ipad.codec import json_binding, tlv
from ipad.codec.json_binding import Answer, b64
from ipad.codec.large_member import MARK, LargeMember
from ipad.codec.rsp_status import UNDEFINED_ERROR, error_code
from ipad.codec.tlv import Buffer, Element
from ipad.codec.values import INTEGER
from ipad.errors import CodecError
from ipad.records import dataclass

logger = logging.getLogger(__name__)

HANDLE_NOTIFICATION: Final = "handleNotification"
GET_BOUND_PROFILE_PACKAGE: Final = "getBoundProfilePackage"

_PLMN_OCTETS: Final = 3
_LARGEST_CODE: Final = 2**31 - 1
_PACKAGE: Final = "boundProfilePackage"
_NO_EIM_PACKAGE_AVAILABLE: Final = 1
_SIGNATURE, _OCTET_STRING, _SEQUENCE = 0x5F37, 0x04, 0x30

Members = dict[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class JsonCall:
    """One call: the name of the function, which is the end of the path, and the body of the request."""

    tag: int
    function: str
    body: bytes
    transaction_id: bytes = b""


def call(message: Buffer) -> JsonCall:
    """The call that says what an EsipaMessageFromIpaToEim says.

    Raises CodecError for a message of another kind, or one that lacks what its function needs.
    """
    element = tlv.read_single(message)
    if element.tag not in _FUNCTIONS:
        raise CodecError(f"no function of the JSON binding has the tag {element.tag:X}")
    function, write, _ = _FUNCTIONS[element.tag]
    parts = {part.tag: part for part in tlv.children(element.value)}
    transaction = parts.get(0x80)
    return JsonCall(
        element.tag,
        function,
        json_binding.encode(write(parts)),
        bytes(transaction.value) if transaction is not None else b"",
    )


def message(asked: JsonCall, body: bytes) -> bytes:
    """The EsipaMessageFromEimToIpa that says what the answer to a call says.

    Raises CodecError for an answer that is none of that function, RspStatusError for a refused HandleNotification.
    """
    if asked.function == HANDLE_NOTIFICATION:
        return _accepted(asked, body)
    if asked.function == GET_BOUND_PROFILE_PACKAGE:
        return _bound_profile_package(asked, body)
    return _FUNCTIONS[asked.tag][2](asked, Answer.read(asked.function, body))


def _accepted(asked: JsonCall, body: bytes) -> bytes:
    """HandleNotification has no answer: whatever comes is acceptance, unless it can be read and says Failed."""
    try:
        Answer.parse(asked.function, body)
    except CodecError as error:
        logger.debug("%s was answered with something else: %s", asked.function, error)
    return b""


def _hex(element: Element) -> str:
    return bytes(element.value).hex().upper()


def _need(parts: Mapping[int, Element], tag: int) -> Element:
    if tag not in parts:
        raise CodecError(f"the message lacks {tag:X}")
    return parts[tag]


def _get_eim_package(parts: Mapping[int, Element]) -> Members:
    members: Members = {"eidValue": _hex(_need(parts, 0x5A))}
    if 0x80 in parts:
        members["notifyStateChange"] = True
    plmn = parts.get(0x82)
    cause = parts.get(0x81)
    if cause is not None and len(cause.value) == _PLMN_OCTETS and plmn is None:
        plmn, cause = cause, None  # the form of v1.0
    if cause is not None:
        members["stateChangeCause"] = INTEGER.decode(cause.value)
    if plmn is not None:
        members["rPLMN"] = _hex(plmn)
    return members


def _provide_result(parts: Mapping[int, Element]) -> Members:
    members: Members = {}
    for tag, part in parts.items():
        if tag == 0x5A:
            members["eidValue"] = _hex(part)
        else:
            members["eimPackageResult"] = b64(bytes(part.raw))
    return members


def _handle_notification(parts: Mapping[int, Element]) -> Members:
    if 0xA0 in parts:
        return {"pendingNotification": b64(bytes(parts[0xA0].value))}
    if 0xA1 in parts:  # the form of v1.0
        return {"provideEimPackageResult": b64(tlv.tlv(0xBF50, parts[0xA1].value))}
    return {"provideEimPackageResult": b64(bytes(_need(parts, 0xBF50).raw))}


def _initiate_authentication(parts: Mapping[int, Element]) -> Members:
    members: Members = {"euiccChallenge": b64(bytes(_need(parts, 0x81).value))}
    if 0x83 in parts:
        members["smdpAddress"] = _utf8(parts[0x83])
    if 0x82 in parts:
        members["eimTransactionId"] = _hex(parts[0x82])
    if 0xBF20 in parts:
        members["euiccInfo1"] = b64(bytes(parts[0xBF20].raw))
    return members


def _authenticate_client(parts: Mapping[int, Element]) -> Members:
    response = b64(bytes(_need(parts, 0xBF38).raw))
    return {"transactionId": _hex(_need(parts, 0x80)), "authenticateServerResponse": response}


def _get_bound_profile_package(parts: Mapping[int, Element]) -> Members:
    response = b64(bytes(_need(parts, 0xBF21).raw))
    return {"transactionId": _hex(_need(parts, 0x80)), "prepareDownloadResponse": response}


def _cancel_session(parts: Mapping[int, Element]) -> Members:
    response = parts.get(0xBF41) or _need(parts, 0xA1)
    raw = bytes(response.raw) if response.tag == 0xBF41 else _without_arm(response)
    return {"transactionId": _hex(_need(parts, 0x80)), "cancelSessionResponse": b64(raw)}


def _without_arm(response: Element) -> bytes:
    """CancelSessionResponse with its own tag, which A1 replaced or, in the nested form, stands round."""
    content = bytes(response.value)
    return content if content.startswith(b"\xbf\x41") else tlv.tlv(0xBF41, content)


def _utf8(element: Element) -> str:
    try:
        return bytes(element.value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CodecError(f"tag {element.tag:X} is no UTF-8") from error


def _package(asked: JsonCall, answer: Answer) -> bytes:
    """A package wins over whatever stands beside it."""
    for name, tag in _PACKAGES.items():
        package = answer.binary(name)
        if package is not None:
            if tlv.read_single(package).tag != tag:
                raise CodecError(f"expected the tag {tag:X}, got {package[:2].hex().upper()}", path=name)
            return tlv.tlv(asked.tag, package)
    code = _code(answer, "eimPackageError")
    if code is None:
        code = _NO_EIM_PACKAGE_AVAILABLE if answer.failure is None else UNDEFINED_ERROR
    return _error(asked, 0x02, code)


def _acknowledgements(asked: JsonCall, answer: Answer) -> bytes:
    code = _code(answer, "provideEimPackageResultError")
    if code is not None or answer.failure is not None:
        return _error(asked, 0x02, UNDEFINED_ERROR if code is None else code)
    listed = answer.binary("eimAcknowledgements", tag=0xBF53)
    return tlv.tlv(asked.tag, tlv.tlv(_SEQUENCE) if listed is None else listed)


def _server_authentication(asked: JsonCall, answer: Answer) -> bytes:
    if answer.failure is not None:
        return _refusal(asked, 0x81, answer)
    matching_id = answer.text("matchingId")
    params = answer.binary("ctxParams1")
    return tlv.tlv(
        asked.tag,
        tlv.tlv(
            0xA0,
            _transaction(answer),
            _tagged(answer, "serverSigned1", _SEQUENCE),
            answer.required("serverSignature1", tag=_SIGNATURE),
            answer.required("euiccCiPKIdentifierToBeUsed", "euiccCiPKIdToBeUsed", tag=_OCTET_STRING),
            _tagged(answer, "serverCertificate", _SEQUENCE),
            b"" if matching_id is None else tlv.tlv(0x0C, matching_id.encode()),
            b"" if params is None else _context(params),
        ),
    )


def _context(params: bytes) -> bytes:
    """CtxParams1 in its explicit tag, which is not part of the member but may be there."""
    element = tlv.read_single(params)
    if element.tag == 0xA2:
        return params
    if element.tag != 0xA0:
        raise CodecError(f"expected the tag A0, got {element.tag:X}", path="initiateAuthentication.ctxParams1")
    return tlv.tlv(0xA2, params)


def _client_authentication(asked: JsonCall, answer: Answer) -> bytes:
    if answer.failure is not None:
        return _refusal(asked, 0x82, answer)
    signed = answer.tagged("smdpSigned2", tag=_SEQUENCE)
    if signed is None:
        trigger = answer.tagged("profileDownloadTrigger", tag=0xBF54)
        transaction = _transaction(answer) or tlv.tlv(0x80, asked.transaction_id)
        return tlv.tlv(asked.tag, tlv.tlv(0xA1, transaction, trigger or b""))
    return tlv.tlv(
        asked.tag,
        tlv.tlv(
            0xA0,
            _transaction(answer),
            answer.tagged("profileMetadata", "profileMetaData", tag=0xBF25) or b"",
            signed,
            answer.required("smdpSignature2", tag=_SIGNATURE),
            _tagged(answer, "smdpCertificate", _SEQUENCE),
            answer.binary("hashCc", tag=_OCTET_STRING) or b"",
        ),
    )


def _bound_profile_package(asked: JsonCall, body: bytes) -> bytes:
    taken = LargeMember.take(body, _PACKAGE)
    answer = Answer.read(asked.function, body if taken is None else taken[1])
    if taken is not None and answer.text(_PACKAGE) != MARK:
        # Not of the outermost object, or there twice: the parser decides what it means.
        taken, answer = None, Answer.read(asked.function, body)
    if answer.failure is not None:
        return _refusal(asked, 0x81, answer)
    if taken is not None:
        return taken[0].wrapped(0xBF36, (asked.tag, 0xA0), _transaction(answer))
    return tlv.tlv(asked.tag, tlv.tlv(0xA0, _transaction(answer), _tagged(answer, _PACKAGE, 0xBF36)))


def _session_cancelled(asked: JsonCall, answer: Answer) -> bytes:
    if answer.failure is not None:
        return _refusal(asked, 0x81, answer)
    return tlv.tlv(asked.tag, tlv.tlv(0xA0))


def _transaction(answer: Answer) -> bytes:
    text = answer.transaction_id()
    return b"" if text is None else tlv.tlv(0x80, bytes.fromhex(text))


def _tagged(answer: Answer, name: str, tag: int) -> bytes:
    value = answer.tagged(name, tag=tag)
    if value is None:
        raise CodecError("missing", path=name)
    return value


def _code(answer: Answer, name: str) -> int | None:
    """An error code; 0 is none."""
    code = answer.number(name)
    if code is not None and not 0 <= code <= _LARGEST_CODE:
        raise CodecError("out of range", path=name)
    return code or None


def _refusal(asked: JsonCall, tag: int, answer: Answer) -> bytes:
    assert answer.failure is not None
    failure = answer.failure
    return _error(asked, tag, error_code(asked.function, failure.subject, failure.reason))


def _error(asked: JsonCall, tag: int, code: int) -> bytes:
    return tlv.tlv(asked.tag, tlv.tlv(tag, INTEGER.encode(code)))


def _no_answer(asked: JsonCall, _answer: Answer) -> bytes:
    raise CodecError(f"{asked.function} is not answered with a message")


_PACKAGES: Final[Mapping[str, int]] = {
    "euiccPackageRequest": 0xBF51,
    "ipaEuiccDataRequest": 0xBF52,
    "profileDownloadTriggerRequest": 0xBF54,
}

_Writer = Callable[[Mapping[int, Element]], Members]
_Reader = Callable[[JsonCall, Answer], bytes]

_FUNCTIONS: Final[Mapping[int, tuple[str, _Writer, _Reader]]] = {
    0xBF4F: ("getEimPackage", _get_eim_package, _package),
    0xBF50: ("provideEimPackageResult", _provide_result, _acknowledgements),
    0xBF3D: (HANDLE_NOTIFICATION, _handle_notification, _no_answer),
    0xBF39: ("initiateAuthentication", _initiate_authentication, _server_authentication),
    0xBF3B: ("authenticateClient", _authenticate_client, _client_authentication),
    0xBF3A: (GET_BOUND_PROFILE_PACKAGE, _get_bound_profile_package, _no_answer),
    0xBF41: ("cancelSession", _cancel_session, _session_cancelled),
}
