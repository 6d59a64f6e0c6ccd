"""From the arguments of `ipad-hil eim queue` to an order in JSON."""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.cli.client import ControlError


def order_of(options: Namespace) -> dict[str, Any]:
    """The order as the control API takes it. Raises ControlError."""
    match options.what:
        case "data":
            return {"type": "data", "tags": options.tags}
        case "download":
            return {"type": "trigger", **_trigger(options), "confirmationCode": options.confirmation_code}
        case "raw":
            return {"type": "raw", "hex": options.hex}
        case "order":
            return _parsed(options.json)
        case "list-eim" | "add-eim" | "update-eim" | "delete-eim":
            return {"type": "eco", "commands": [_eco(options)], "faults": _faults(options)}
        case _:
            return {"type": "psmo", "commands": _PSMOS[options.what](options), "faults": _faults(options)}


_PSMOS: Final[dict[str, Callable[[Namespace], list[dict[str, Any]]]]] = {
    "enable": lambda options: [{"command": "enable", "iccid": options.iccid, "rollback": options.rollback}],
    "disable": lambda options: [{"command": "disable", "iccid": options.iccid}],
    "delete": lambda options: [{"command": "delete", "iccid": options.iccid}],
    "set-fallback": lambda options: [{"command": "setFallbackAttribute", "iccid": options.iccid}],
    "unset-fallback": lambda _: [{"command": "unsetFallbackAttribute"}],
    "rat": lambda _: [{"command": "getRAT"}],
    "swap": lambda options: [
        {"command": "disable", "iccid": options.disable},
        {"command": "enable", "iccid": options.enable},
    ],
    "list-profiles": lambda options: [{"command": "listProfileInfo", "iccid": options.iccid, "tags": options.tags}],
    "default-dp": lambda options: [{"command": "setDefaultDpAddress", "address": options.address}],
    "immediate-enable": lambda options: [
        {
            "command": "configureImmediateEnable",
            "enabled": options.state == "on",
            "smdpAddress": options.smdp,
            "smdpOid": options.oid,
        }
    ],
}


def _eco(options: Namespace) -> dict[str, Any]:
    match options.what:
        case "list-eim":
            return {"command": "listEim"}
        case "delete-eim":
            return {"command": "deleteEim", "eimId": options.eim_id}
        case _:
            name = "addEim" if options.what == "add-eim" else "updateEim"
            path = Path(options.other)
            if not path.is_file():
                return {"command": name, "eim": options.other}
            try:
                return {"command": name, "configuration": path.read_bytes().hex()}
            except OSError as error:
                raise ControlError(f"{path}: {error.strerror}") from error


def _faults(options: Namespace) -> dict[str, Any]:
    return {
        "badSignature": options.bad_signature,
        "eid": options.fault_eid,
        "eimId": options.fault_eim_id,
        "counter": options.fault_counter,
        "token": options.fault_token,
        "noTransactionId": options.no_transaction_id,
    }


def _trigger(options: Namespace) -> dict[str, Any]:
    if options.default:
        return {"defaultSmdp": True}
    if options.smds is not None:
        return {"smds": options.smds}
    if options.held is not None:
        return {"held": options.held}
    if options.activation_code is not None:
        return {"activationCode": options.activation_code}
    return _source(options.source)


def _source(text: str) -> dict[str, Any]:
    kind, _, address = text.partition(":")
    match kind:
        case "none":
            return {}
        case "default":
            return {"defaultSmdp": True}
        case "smds":
            return {"smds": address}
        case _:
            return {"activationCode": text}


def _parsed(text: str) -> dict[str, Any]:
    try:
        order = json.loads(text)
    except ValueError as error:
        raise ControlError(f"the order is no JSON: {error}") from error
    if not isinstance(order, dict):
        raise ControlError("the order must be a JSON object")
    return order
