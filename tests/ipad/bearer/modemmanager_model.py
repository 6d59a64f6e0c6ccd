"""ModemManager as far as a client sees it, without any bus: objects, methods and errors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from ipad.bearer.message_bus import Call

ROOT: Final = "/org/freedesktop/ModemManager1"
PREFIX: Final = "org.freedesktop.ModemManager1"
CORE: Final = f"{PREFIX}.Error.Core"


class DbusRefusalError(Exception):
    """An error answer of D-Bus."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass
class Link:
    """A bearer object."""

    path: str
    asked: dict[str, tuple[str, Any]]
    connected: bool = True
    address: str = "10.0.0.1"


@dataclass
class ModelModem:
    """A modem; `path` is None while ModemManager does not have it."""

    device: str
    imei: str
    path: str | None = None
    state: int = 8
    links: list[Link] = field(default_factory=list)


class ModelModemManager:
    """Answers calls. `owner` is the connection that holds the inhibition of a device."""

    def __init__(self, *modems: ModelModem) -> None:
        self.modems = list(modems)
        self.calls: list[str] = []
        self.inhibited: dict[str, str] = {}
        self.refuse: dict[str, DbusRefusalError] = {}
        self.hold: asyncio.Event | None = None
        self._numbers = {"Modem": 0, "Bearer": 0}
        for modem in self.modems:
            self.export(modem)

    def _path(self, kind: str) -> str:
        number = self._numbers[kind]
        self._numbers[kind] += 1
        return f"{ROOT}/{kind}/{number}"

    def export(self, modem: ModelModem, *, state: int = 8) -> None:
        """ModemManager has found the modem (anew): another object."""
        modem.path, modem.state, modem.links = self._path("Modem"), state, []

    def drop(self, modem: ModelModem) -> None:
        """It lost the modem, as for a profile change."""
        modem.path, modem.links = None, []

    def name_lost(self, owner: str) -> None:
        """A client left the bus: what it inhibited is found again."""
        for device in [device for device, own in self.inhibited.items() if own == owner]:
            del self.inhibited[device]
            self._found(device)

    def _found(self, device: str) -> None:
        for modem in self.modems:
            if modem.device == device:
                self.export(modem)

    async def handle(self, owner: str, call: Call) -> tuple[str, tuple[Any, ...]]:
        """Signature and values of an answer. Raises DbusRefusalError."""
        self.calls.append(call.member)
        if call.member in self.refuse:
            raise self.refuse[call.member]
        match call.member:
            case "GetManagedObjects":
                return "a{oa{sa{sv}}}", ({modem.path: self._modem(modem) for modem in self.modems if modem.path},)
            case "GetAll":
                return "a{sv}", (self._link(call.path),)
            case "InhibitDevice":
                self._inhibit(owner, *call.arguments)
                return "", ()
            case "Connect":
                return "o", (await self._connect(self._at(call.path), call.arguments[0]),)
            case "Disconnect":
                modem = self._at(call.path)
                modem.links, modem.state = [], 8
                return "", ()
        raise DbusRefusalError("org.freedesktop.DBus.Error.UnknownMethod", call.member)

    def _at(self, path: str) -> ModelModem:
        for modem in self.modems:
            if modem.path == path:
                return modem
        raise DbusRefusalError("org.freedesktop.DBus.Error.UnknownMethod", f"object {path} does not exist")

    def _inhibit(self, owner: str, device: object, inhibit: object = False) -> None:
        if not inhibit:
            if self.inhibited.get(str(device)) != owner:
                raise DbusRefusalError(f"{CORE}.NotFound", "not inhibited by the caller")
            del self.inhibited[str(device)]
            self._found(str(device))
            return
        self.inhibited[str(device)] = owner
        for modem in self.modems:
            if modem.device == device:
                self.drop(modem)

    async def _connect(self, modem: ModelModem, asked: Any) -> str:
        if self.hold is not None:
            modem.state = 10
            await self.hold.wait()
        same = next((link for link in modem.links if link.asked == asked), None)
        if same is None:
            modem.links = [Link(self._path("Bearer"), asked)]
        modem.state, modem.links[0].connected = 11, True
        return modem.links[0].path

    def _modem(self, modem: ModelModem) -> dict[str, dict[str, tuple[str, Any]]]:
        return {
            f"{PREFIX}.Modem": {
                "Device": ("s", modem.device),
                "EquipmentIdentifier": ("s", modem.imei),
                "State": ("i", modem.state),
                "Bearers": ("ao", [link.path for link in modem.links]),
            },
            f"{PREFIX}.Modem.Simple": {},
        }

    def _link(self, path: str) -> dict[str, tuple[str, Any]]:
        for link in (link for modem in self.modems for link in modem.links):
            if link.path == path:
                return {
                    "Connected": ("b", link.connected),
                    "Interface": ("s", "wwan0"),
                    "Ip4Config": ("a{sv}", {"method": ("u", 2), "address": ("s", link.address)}),
                    "Ip6Config": ("a{sv}", {"method": ("u", 0)}),
                    "Properties": ("a{sv}", link.asked),
                }
        raise DbusRefusalError("org.freedesktop.DBus.Error.UnknownMethod", f"object {path} does not exist")
