"""TransferEimPackage in JSON, where the eIM is the client (SGP.32 6.4.1.8): messages in ASN.1 on the eIM's side.

Public material does not settle how eimPackageReceived and the list of notifications look, so several forms are read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from hil import tlv
from hil.eim.json_binding import PATH as JSON_PATH
from hil.eim.json_binding import binary
from hil.eim.messages import MalformedRequestError, outer
from hil.eim.transfer import TAG

PATH: Final = f"{JSON_PATH}transferEimPackage"

_REQUESTS: Final = {
    0xBF51: "euiccPackageRequest",
    0xBF52: "ipaEuiccDataRequest",
    0xBF53: "eimAcknowledgements",
    0xBF54: "profileDownloadTriggerRequest",
}
_RESULTS: Final = {"euiccPackageResult": 0xBF51, "ipaEuiccDataResponse": 0xBF52}


def to_body(message: bytes) -> bytes:
    """The JSON of a TransferEimPackageRequest."""
    alternative = tlv.single(tlv.single(message, TAG).value)
    name = _REQUESTS.get(alternative.tag, f"package{alternative.tag:X}")
    return json.dumps({name: base64.b64encode(alternative.raw).decode()}).encode()


def to_message(body: bytes) -> bytes:
    """The TransferEimPackageResponse in a JSON answer. Raises MalformedRequestError."""
    try:
        members = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise MalformedRequestError(f"transferEimPackage: no JSON: {error}") from error
    if not isinstance(members, dict):
        raise MalformedRequestError("transferEimPackage: no JSON object")
    for name, tag in _RESULTS.items():
        if members.get(name):
            return tlv.build(TAG, _data_object(members, name, tag))
    if members.get("ePRAndNotifications"):
        return tlv.build(TAG, _with_notifications(members["ePRAndNotifications"]))
    if members.get("eimPackageError"):
        return tlv.build(TAG, tlv.build(0x02, tlv.integer(_code(members["eimPackageError"]))))
    if "eimPackageReceived" in members:
        return tlv.build(TAG, tlv.build(0x05))
    raise MalformedRequestError(f"transferEimPackage: nothing known among {', '.join(map(str, members)) or 'nothing'}")


def _with_notifications(value: Any) -> bytes:
    """ePRAndNotifications as an object, or as the base64 of its DER."""
    if isinstance(value, str):
        return _data_object({"ePRAndNotifications": value}, "ePRAndNotifications", 0x30)
    if not isinstance(value, dict):
        raise MalformedRequestError("ePRAndNotifications is no object")
    result = _data_object(value, "euiccPackageResult", 0xBF51)
    listed = value.get("notificationList")
    if isinstance(listed, str):
        return tlv.build(0x30, result, _data_object(value, "notificationList"))
    if not isinstance(listed, list):
        raise MalformedRequestError("notificationList is no list")
    items = [_data_object({"notificationList": item}, "notificationList") for item in listed]
    return tlv.build(0x30, result, tlv.build(0xA0, *items))


def _data_object(members: Mapping[str, Any], name: str, tag: int | None = None) -> bytes:
    """A base64 member that is one TLV, whatever its tag where none is given."""
    octets = binary(members, name, tag)
    outer(octets)
    return octets


def _code(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedRequestError(f"eimPackageError is {value!r} and no number")
    return value
