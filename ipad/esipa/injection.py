"""TransferEimPackage, where the agent is the server (SGP.32 5.14.4, 6.3.3.1, 6.4.1): paths, types, the JSON binding.

Inside there are only messages of the ASN.1 binding: a TransferEimPackageRequest comes in, a TransferEimPackageResponse
goes out. No function execution status is Failed: every refusal has its own code, or is a status of HTTP or CoAP.

What the published text leaves open in JSON is settled here: `eimPackageReceived` is true, and `notificationList` is the
base64 of the list with its tag A0, as every other object.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any, Final

from ipad.codec import tlv
from ipad.codec.esipa import TransferEimPackageResponse, TransferEimPackageResponseEimPackageError
from ipad.codec.json_binding import Answer as Members
from ipad.codec.json_binding import b64
from ipad.codec.values import INTEGER
from ipad.errors import CodecError
from ipad.net.https_server import Route
from ipad.net.peer_rules import PeerIdentity
from ipad.net.serving import Answer, Handler
from ipad.records import replace

logger = logging.getLogger(__name__)

ASN1_PATH: Final = "/gsma/rsp2/asn1"
JSON_PATH: Final = "/gsma/rsp2/esipa/transferEimPackage"
URI_PATH: Final = ("gsma", "rsp2", "asn1")

_ASN1_TYPE: Final = "application/x-gsma-rsp-asn1"
_JSON_TYPE: Final = "application/json"
_FUNCTION: Final = "transferEimPackage"
_TRANSFER: Final = 0xBF4E
_PACKAGES: Final[Mapping[str, int]] = {
    "euiccPackageRequest": 0xBF51,
    "ipaEuiccDataRequest": 0xBF52,
    "eimAcknowledgements": 0xBF53,
    "profileDownloadTriggerRequest": 0xBF54,
}
_HEADER: Final = {"functionExecutionStatus": {"status": "Executed-Success"}}


def routes(handler: Handler, bindings: Collection[str]) -> dict[str, Route]:
    """The resources of the HTTPS server; `bindings`: "asn1", "json"."""
    found = {}
    if "asn1" in bindings:
        found[ASN1_PATH] = Route(_ASN1_TYPE, _ASN1_TYPE, handler)
    if "json" in bindings:
        found[JSON_PATH] = Route(_JSON_TYPE, f"{_JSON_TYPE};charset=UTF-8", json_handler(handler))
    return found


def json_handler(handler: Handler) -> Handler:
    """The same handler, asked and answering in JSON."""

    async def ask(body: bytes, peer: PeerIdentity) -> Answer:
        try:
            message = request_message(body)
        except CodecError as error:
            logger.warning("%s at %s sent what cannot be read: %s", peer.name, peer.address, error)
            return Answer(body=answer_body(refusal(TransferEimPackageResponseEimPackageError.INVALID_PACKAGE_FORMAT)))
        answer = await handler(message, peer)
        return answer if answer.body is None else replace(answer, body=answer_body(answer.body))

    return ask


def refusal(code: TransferEimPackageResponseEimPackageError) -> bytes:
    """TransferEimPackageResponse with an eimPackageError."""
    return TransferEimPackageResponse(eim_package_error=code).encode()


def request_message(body: bytes) -> bytes:
    """The TransferEimPackageRequest that a JSON body says. Raises CodecError unless it holds exactly one package."""
    members = Members.read(_FUNCTION, body)
    packages = [package for name, tag in _PACKAGES.items() if (package := members.tagged(name, tag=tag)) is not None]
    if len(packages) != 1:
        raise CodecError(f"expected one package, got {len(packages)}", path=_FUNCTION)
    return tlv.tlv(_TRANSFER, packages[0])


def answer_body(message: bytes) -> bytes:
    """The JSON body that says what a TransferEimPackageResponse says. Raises CodecError for another message."""
    parts = list(tlv.children(tlv.read_single(message).value))
    if len(parts) != 1 or parts[0].tag not in _ANSWERS:
        raise CodecError("no answer to TransferEimPackage", path=_FUNCTION)
    name = _ANSWERS[parts[0].tag]
    value: Any = b64(bytes(parts[0].raw))
    if name == "eimPackageReceived":
        value = True
    elif name == "eimPackageError":
        value = INTEGER.decode(parts[0].value)
    elif name == "ePRAndNotifications":
        both = list(tlv.children(parts[0].value))
        if len(both) != 2:
            raise CodecError(f"ePRAndNotifications has {len(both)} elements, expected 2", path=_FUNCTION)
        result, notifications = both
        value = {"euiccPackageResult": b64(bytes(result.raw)), "notificationList": b64(bytes(notifications.raw))}
    return json.dumps({"header": _HEADER, name: value}, separators=(",", ":")).encode()


_ANSWERS: Final[Mapping[int, str]] = {
    0xBF51: "euiccPackageResult",
    0x30: "ePRAndNotifications",
    0xBF52: "ipaEuiccDataResponse",
    0x05: "eimPackageReceived",
    0x02: "eimPackageError",
}
