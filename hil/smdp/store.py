"""Where a SM-DP+ keeps its orders and what results it expects, so that a restarted one goes on where it was.

Packages are files named by their digest and written once; everything else is one JSON file that is replaced atomically.
Bindings and running sessions are not kept: an eUICC that comes back after a restart gets a new binding.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from hil.crypto import public_key_from_spki, spki
from hil.smdp.core import ExpectedResult, SmDpPlus
from hil.smdp.orders import Metadata, Order, ProfileState

_VERSION: Final = 1
_PLAIN: Final = (
    "matching_id",
    "eid",
    "use_protection_keys",
    "rebinding_allowed",
    "download_limit",
    "code_limit",
    "event",
    "downloads",
    "wrong_codes",
    "history",
    "number",
)


class SmDpStoreError(Exception):
    """A state file that cannot be read."""


class SmDpStore:
    """State of one SM-DP+ in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "state.json"
        self._packages = directory / "packages"
        self._packages.mkdir(parents=True, exist_ok=True)

    @property
    def is_new(self) -> bool:
        """Whether nothing was stored yet."""
        return not self._path.exists()

    def load(self, smdp: SmDpPlus) -> None:
        """Give a SM-DP+ what was stored. Raises SmDpStoreError."""
        if self.is_new:
            return
        try:
            state = json.loads(self._path.read_text(encoding="utf-8"))
            if state["version"] != _VERSION:
                raise SmDpStoreError(f"{self._path}: version {state['version']}, expected {_VERSION}")
            for item in state["orders"]:
                smdp.orders.add(self._order(item))
            for transaction_id, item in state["expected"].items():
                key = public_key_from_spki(bytes.fromhex(item["publicKey"]))
                smdp.expected[bytes.fromhex(transaction_id)] = ExpectedResult(item["order"], key, item["closed"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SmDpStoreError(f"{self._path}: {type(error).__name__} {error}") from error

    def save(self, smdp: SmDpPlus) -> None:
        """Replace the state file."""
        expected = {
            transaction_id.hex(): {
                "order": item.order,
                "publicKey": spki(item.public_key).hex(),
                "closed": item.closed,
            }
            for transaction_id, item in smdp.expected.items()
        }
        state = {"version": _VERSION, "orders": [self._plain(order) for order in smdp.orders], "expected": expected}
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(state, indent=1), encoding="utf-8")
        temporary.replace(self._path)

    def _plain(self, order: Order) -> dict[str, Any]:
        return {
            **{name: getattr(order, name) for name in _PLAIN},
            "metadata": _metadata_to_json(order.metadata),
            "package": self._keep(order.package),
            "confirmation_hash": _hex(order.confirmation_hash),
            "expires": order.expires.isoformat() if order.expires else None,
            "state": order.state.value,
        }

    def _keep(self, package: bytes) -> str:
        """Write the package if it is not there; returns the name of its file."""
        name = f"{hashlib.sha256(package).hexdigest()[:24]}.der"
        path = self._packages / name
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            temporary.write_bytes(package)
            temporary.replace(path)
        return name

    def _order(self, value: Mapping[str, Any]) -> Order:
        expires, hashed = value["expires"], value["confirmation_hash"]
        return Order(
            **{name: value[name] for name in _PLAIN},
            metadata=_metadata_from_json(value["metadata"]),
            package=(self._packages / value["package"]).read_bytes(),
            confirmation_hash=None if hashed is None else bytes.fromhex(hashed),
            expires=None if expires is None else datetime.fromisoformat(expires),
            state=ProfileState(value["state"]),
        )


def _metadata_to_json(metadata: Metadata) -> dict[str, Any]:
    return {
        **asdict(metadata),
        "owner_mcc_mnc": _hex(metadata.owner_mcc_mnc),
        "owner_gid1": _hex(metadata.owner_gid1),
    }


def _metadata_from_json(value: dict[str, Any]) -> Metadata:
    octets = {name: _octets(value[name]) for name in ("owner_mcc_mnc", "owner_gid1")}
    lists = {name: tuple(value[name]) for name in ("policy_rules", "notification_events")}
    return Metadata(**{**value, **octets, **lists})


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _octets(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)
