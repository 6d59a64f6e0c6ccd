"""Least JSON for the requests of ESipa (SGP.32 6.4.1): members without white space, objects in base64 with padding."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from hil import tlv
from hil.eim.messages import parts


def json_request(message: bytes) -> bytes:
    """The body for an EsipaMessageFromIpaToEim. Raises KeyError for one that no function of the table sends."""
    outer = tlv.single(message)
    return json.dumps(_BODIES[outer.tag](parts(outer.value)), separators=(",", ":")).encode()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _digits(value: bytes) -> str:
    return value.hex().upper()


def _get_package(fields: list[tlv.Tlv]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for field in fields:
        match field.tag:
            case 0x5A:
                members["eidValue"] = _digits(field.value)
            case 0x80:
                members["notifyStateChange"] = True
            case 0x81:
                members["stateChangeCause"] = int.from_bytes(field.value, signed=True)
            case 0x82:
                members["rPLMN"] = _digits(field.value)
    return members


def _provide(fields: list[tlv.Tlv]) -> dict[str, Any]:
    *eid, result = fields
    members = {"eidValue": _digits(eid[0].value)} if eid else {}
    return {**members, "eimPackageResult": _base64(result.raw)}


def _notify(fields: list[tlv.Tlv]) -> dict[str, Any]:
    content = fields[0]
    if content.tag == 0xA0:
        return {"pendingNotification": _base64(content.value)}
    return {"provideEimPackageResult": _base64(content.raw)}


def _initiate(fields: list[tlv.Tlv]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for field in fields:
        match field.tag:
            case 0x81:
                members["euiccChallenge"] = _base64(field.value)
            case 0x83:
                members["smdpAddress"] = field.value.decode()
            case 0xBF20:
                members["euiccInfo1"] = _base64(field.raw)
            case 0x82:
                members["eimTransactionId"] = _digits(field.value)
    return members


def _of_session(name: str) -> Callable[[list[tlv.Tlv]], dict[str, Any]]:
    def body(fields: list[tlv.Tlv]) -> dict[str, Any]:
        return {"transactionId": _digits(fields[0].value), name: _base64(fields[1].raw)}

    return body


_BODIES: Final[Mapping[int, Callable[[list[tlv.Tlv]], dict[str, Any]]]] = {
    0xBF4F: _get_package,
    0xBF50: _provide,
    0xBF3D: _notify,
    0xBF39: _initiate,
    0xBF3B: _of_session("authenticateServerResponse"),
    0xBF3A: _of_session("prepareDownloadResponse"),
}
