"""What ModemManager shows on the bus, read with care: modems, bearers and the arguments of a connection.

Names, numbers and signatures are those of the interface description of ModemManager 1.10 and later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from ipad.bearer.backend import Apn, Auth, IpType
from ipad.errors import BearerError
from ipad.records import dataclass

SERVICE: Final = "org.freedesktop.ModemManager1"
ROOT: Final = "/org/freedesktop/ModemManager1"
MANAGER: Final = "org.freedesktop.ModemManager1"
MODEM: Final = "org.freedesktop.ModemManager1.Modem"
SIMPLE: Final = "org.freedesktop.ModemManager1.Modem.Simple"
BEARER: Final = "org.freedesktop.ModemManager1.Bearer"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"

_FAMILIES: Final = {IpType.IPV4: 1, IpType.IPV6: 2, IpType.IPV4V6: 4}
_ALLOWED_AUTH: Final = {Auth.NONE: 1, Auth.PAP: 2, Auth.CHAP: 4}


class ModemState(IntEnum):
    """MMModemState, of which only the order and these matter."""

    FAILED = -1
    UNKNOWN = 0
    DISABLED = 3
    CONNECTING = 10
    CONNECTED = 11


@dataclass(frozen=True, slots=True)
class ManagedModem:
    """A modem as an object of ModemManager. `path` changes whenever the object is made anew; `device` and IMEI stay."""

    path: str
    device: str
    imei: str
    state: int
    bearers: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether a connection can be asked for: it is neither being initialised nor locked nor failed."""
        return self.state >= ModemState.DISABLED


@dataclass(frozen=True, slots=True)
class ManagedBearer:
    """A bearer object. `addresses` are those of Ip4Config and Ip6Config, which may be empty (PPP, DHCP)."""

    path: str
    connected: bool
    apn: str
    family: int
    user: str
    addresses: tuple[str, ...]

    def serves(self, access: Apn) -> bool:
        """Whether it was made for this access point."""
        own = (self.apn.lower(), self.family, self.user)
        return own == (access.name.lower(), _FAMILIES[access.ip_type], access.user)


def modems_of(objects: object) -> tuple[ManagedModem, ...]:
    """The modems in the answer of GetManagedObjects. Raises BearerError when it is none."""
    if not isinstance(objects, Mapping):
        raise BearerError("ModemManager: the answer of GetManagedObjects is no dictionary")
    found = []
    for path, interfaces in objects.items():
        properties = interfaces.get(MODEM) if isinstance(interfaces, Mapping) else None
        if isinstance(path, str) and isinstance(properties, Mapping):
            found.append(
                ManagedModem(
                    path=path,
                    device=_text(properties, "Device"),
                    imei=_text(properties, "EquipmentIdentifier"),
                    state=_number(properties, "State"),
                    bearers=tuple(item for item in _list(properties, "Bearers") if isinstance(item, str)),
                )
            )
    return tuple(found)


def choose_modem(modems: Sequence[ManagedModem], device: str, imei: str | None) -> ManagedModem | None:
    """The modem of that Device property, else of that IMEI, else the only one; None when it is not there.

    Raises BearerError when several could be meant.
    """
    if device:
        return next((modem for modem in modems if modem.device == device), None)
    if imei is not None:
        # Without the check digit, which some firmware leaves out or gets wrong.
        return next((modem for modem in modems if modem.imei[:14] == imei[:14]), None)
    if len(modems) > 1:
        raise BearerError(
            f"ModemManager has {len(modems)} modems, and the IMEI of ours is not known",
            hint="set bearer.modemmanager.device",
        )
    return modems[0] if modems else None


def bearer_of(path: str, properties: object) -> ManagedBearer:
    """A bearer from the answer of GetAll. Raises BearerError when it is none."""
    if not isinstance(properties, Mapping):
        raise BearerError("ModemManager: the properties of a bearer are no dictionary")
    asked = _value(properties, "Properties")
    asked = asked if isinstance(asked, Mapping) else {}
    configs = [_value(properties, name) for name in ("Ip4Config", "Ip6Config")]
    return ManagedBearer(
        path=path,
        connected=_value(properties, "Connected") is True,
        apn=_text(asked, "apn"),
        family=_number(asked, "ip-type"),
        user=_text(asked, "user"),
        addresses=tuple(
            address for config in configs if isinstance(config, Mapping) and (address := _text(config, "address"))
        ),
    )


def connect_arguments(access: Apn) -> dict[str, tuple[str, object]]:
    """The properties of Simple.Connect. An empty `apn` is that of the network."""
    arguments: dict[str, tuple[str, object]] = {"apn": ("s", access.name), "ip-type": ("u", _FAMILIES[access.ip_type])}
    if access.auth is not Auth.NONE:
        arguments |= {
            "allowed-auth": ("u", _ALLOWED_AUTH[access.auth]),
            "user": ("s", access.user),
            "password": ("s", access.password),
        }
    return arguments


def _value(properties: Mapping[Any, Any], name: str) -> object:
    """The value of a variant."""
    variant = properties.get(name)
    return variant[1] if isinstance(variant, tuple) and len(variant) == 2 else None


def _text(properties: Mapping[Any, Any], name: str) -> str:
    value = _value(properties, name)
    return value if isinstance(value, str) else ""


def _number(properties: Mapping[Any, Any], name: str) -> int:
    value = _value(properties, name)
    return value if isinstance(value, int) else 0


def _list(properties: Mapping[Any, Any], name: str) -> list[Any]:
    value = _value(properties, name)
    return value if isinstance(value, list) else []
