"""An IPA that speaks the JSON binding, for tests: messages in ASN.1 become requests, answers become messages again."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from hil import tlv
from hil.webserver import Reply, Request

Answer = Callable[[Request], Awaitable[Reply]]

_NAMES = {
    0xBF4F: "getEimPackage",
    0xBF50: "provideEimPackageResult",
    0xBF3D: "handleNotification",
    0xBF39: "initiateAuthentication",
    0xBF3B: "authenticateClient",
    0xBF3A: "getBoundProfilePackage",
}
_PACKAGES = ("euiccPackageRequest", "ipaEuiccDataRequest", "profileDownloadTriggerRequest")


class JsonIpa:
    """Exchanges with a server's handler of HTTP requests."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def exchange(self, message: bytes) -> bytes | None:
        """As the eIM's own `answer`."""
        whole = tlv.single(message)
        name = _NAMES[whole.tag]
        body = json.dumps(_members(whole)).encode()
        headers = (("content-type", "application/json;charset=UTF-8"), ("user-agent", "gsma-rsp-ipad"))
        reply = await self._answer(Request("POST", f"/gsma/rsp2/esipa/{name}", headers, body, len(body), 1))
        assert reply.status in (200, 204), reply.body
        return None if reply.status == 204 else _message(whole.tag, json.loads(reply.body))


def _members(message: tlv.Tlv) -> dict[str, Any]:
    fields = {part.tag: part for part in tlv.children(message.value)}
    match message.tag:
        case 0xBF4F:
            return {"eidValue": fields[0x5A].value.hex()}
        case 0xBF50:
            result = next(part for tag, part in fields.items() if tag != 0x5A)
            return {"eidValue": fields[0x5A].value.hex(), "eimPackageResult": _text(result.raw)}
        case 0xBF3D:
            return {"pendingNotification": _text(fields[0xA0].value)}
        case 0xBF39:
            members: dict[str, Any] = {"euiccChallenge": _text(fields[0x81].value)}
            if 0x83 in fields:
                members["smdpAddress"] = fields[0x83].value.decode()
            if 0x82 in fields:
                members["eimTransactionId"] = fields[0x82].value.hex().upper()
            return {**members, "euiccInfo1": _text(fields[0xBF20].raw)}
        case 0xBF3B:
            response = {"authenticateServerResponse": _text(fields[0xBF38].raw)}
        case _:
            response = {"prepareDownloadResponse": _text(fields[0xBF21].raw)}
    return {"transactionId": fields[0x80].value.hex().upper(), **response}


def _message(tag: int, members: dict[str, Any]) -> bytes:
    found = {name: _octets(value) for name, value in members.items() if isinstance(value, str)}
    match tag:
        case 0xBF4F:
            return tlv.build(tag, next(found[name] for name in _PACKAGES if name in found))
        case 0xBF50:
            return tlv.build(tag, found.get("eimAcknowledgements", b"\x30\x00"))
    transaction = bytes.fromhex(members["transactionId"]) if "transactionId" in members else None
    head = b"" if transaction is None else tlv.build(0x80, transaction)
    names = {
        0xBF39: ("serverSigned1", "serverSignature1", "euiccCiPKIdentifierToBeUsed", "serverCertificate"),
        0xBF3B: ("profileMetadata", "smdpSigned2", "smdpSignature2", "smdpCertificate", "hashCc"),
        0xBF3A: ("boundProfilePackage",),
    }[tag]
    context = tlv.build(0xA2, found["ctxParams1"]) if "ctxParams1" in found else b""
    return tlv.build(tag, tlv.build(0xA0, head, *(found[name] for name in names if name in found), context))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
