"""The USB port of a modem: taken from its drivers and given back, or without power for a while where the hub can.

`authorized` of a device and `disable` of a port of a hub are the kernel's (Documentation/ABI, sysfs-bus-usb).
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Literal

from ipad.board import Board, BoardLibrary
from ipad.board.location import known_ids
from ipad.board.sysfs import Device, usb_devices
from ipad.errors import HelperError
from ipad.helper.kernel import ROOT, write_attribute

_DEVICES = "sys/bus/usb/devices"


class UsbSwitch:
    """Switches one device off and on. `root` is where sysfs is."""

    def __init__(self, device: Device, way: Literal["authorized", "port"], root: Path = ROOT) -> None:
        self._folder = root / _DEVICES / device.path
        # The link is gone with the device.
        self._port = (self._folder / "port").resolve() if way == "port" else None
        if self._port is not None and not (self._port / "disable").exists():
            raise HelperError(f"{device.label}: the hub cannot switch this port off", transient=False)

    def off(self) -> None:
        """Raises HelperError."""
        if self._port is not None:
            write_attribute(self._port / "disable", "1")
        else:
            write_attribute(self._folder / "authorized", "0")

    def on(self) -> None:
        """Raises HelperError."""
        if self._port is not None:
            write_attribute(self._port / "disable", "0")
        else:
            write_attribute(self._folder / "authorized", "1")


def device_of(board: Board, library: BoardLibrary, port: str, root: Path = ROOT) -> Device:
    """The USB device of a board; `port` is the configured one, which tells two of a kind apart.

    Raises HelperError when there is none, or when two fit.
    """
    ids = known_ids(board, library)
    found = [device for device in usb_devices(root) if any(fnmatch.fnmatchcase(device.id, known) for known in ids)]
    if len(found) > 1 and port:
        tty = (root / port.lstrip("/")).resolve().name
        found = [device for device in found if tty in device.ttys]
    if not found:
        raise HelperError(f"board {board.name}: its modem is not on USB now, so its port cannot be switched")
    if len(found) > 1:
        raise HelperError(
            f"board {board.name}: {len(found)} modems fit: {', '.join(device.label for device in found)}",
            transient=False,
            hint="name the port with modem.port",
        )
    return found[0]
