"""Modems as the kernel shows them: USB devices with their interfaces, and AT ports of the WWAN subsystem on PCI.

All paths start at a root that tests can set. What cannot be read is as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ipad.records import dataclass

ROOT: Final = Path("/")

_USB_DEVICES: Final = "sys/bus/usb/devices"
_WWAN_PORTS: Final = "sys/class/wwan"
_BY_ID: Final = "dev/serial/by-id"
_BY_PATH: Final = "dev/serial/by-path"
_WWAN_AT: Final = re.compile(r"wwan(\d+)at(\d+)")


@dataclass(frozen=True, slots=True)
class UsbInterface:
    """One interface of a USB device with what its driver made of it: names of ttys, networks, control devices."""

    number: int
    driver: str = ""
    ttys: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A device that may be a modem. `path` is its place (`1-1.4`, or a PCI address), `id` is `vendor:product`."""

    bus: str
    path: str
    id: str
    manufacturer: str = ""
    product: str = ""
    interfaces: tuple[UsbInterface, ...] = ()
    wwan_at: tuple[str, ...] = ()

    @property
    def ttys(self) -> tuple[str, ...]:
        """All serial ports, by interface number."""
        return tuple(tty for interface in self.interfaces for tty in interface.ttys)

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.bus} {self.path} ({self.id})"

    def interface(self, number: int) -> UsbInterface | None:
        """The interface of that number."""
        return next((interface for interface in self.interfaces if interface.number == number), None)


def devices(root: Path = ROOT) -> tuple[Device, ...]:
    """Every USB device, and every PCI device that has AT ports."""
    return (*usb_devices(root), *pci_modems(root))


def usb_devices(root: Path = ROOT) -> tuple[Device, ...]:
    """Every USB device that is no hub."""
    found = []
    for folder in _entries(root / _USB_DEVICES):
        vendor, product = _text(folder / "idVendor"), _text(folder / "idProduct")
        if not vendor or not product or _text(folder / "bDeviceClass") == "09":
            continue
        found.append(
            Device(
                bus="usb",
                path=folder.name,
                id=f"{vendor}:{product}".lower(),
                manufacturer=_text(folder / "manufacturer"),
                product=_text(folder / "product"),
                interfaces=_interfaces(root, folder.name),
            )
        )
    return tuple(found)


def pci_modems(root: Path = ROOT) -> tuple[Device, ...]:
    """PCI devices with AT ports, by their ports in /sys/class/wwan."""
    ports: dict[Path, list[str]] = {}
    for entry in sorted(_entries(root / _WWAN_PORTS), key=_wwan_order):
        if _WWAN_AT.fullmatch(entry.name):
            owner = next((parent for parent in entry.resolve().parents if _is_pci(parent)), None)
            if owner is not None:
                ports.setdefault(owner, []).append(entry.name)
    return tuple(
        Device(
            bus="pci", path=owner.name, id=f"{_pci(owner / 'vendor')}:{_pci(owner / 'device')}", wwan_at=tuple(names)
        )
        for owner, names in ports.items()
    )


def stable_name(root: Path, tty: str, *, prefer_path: bool = False) -> str:
    """A name below /dev/serial that udev made for a tty, else its plain name.

    `prefer_path`: there are several modems of this kind, and a name made of product and serial number may be shared.
    """
    folders = (_BY_PATH, _BY_ID) if prefer_path else (_BY_ID, _BY_PATH)
    for folder in folders:
        for link in _entries(root / folder):
            if link.is_symlink() and link.readlink().name == tty:
                return f"/{folder}/{link.name}"
    return f"/dev/{tty}"


def by_id(root: Path, pattern: str) -> tuple[str, ...]:
    """The links below /dev/serial/by-id whose name fits a pattern."""
    return tuple(f"/{_BY_ID}/{link.name}" for link in sorted((root / _BY_ID).glob(pattern)))


def _interfaces(root: Path, device: str) -> tuple[UsbInterface, ...]:
    found = []
    for folder in _entries(root / _USB_DEVICES):
        number = _text(folder / "bInterfaceNumber")
        if not folder.name.startswith(f"{device}:") or not re.fullmatch(r"[0-9a-fA-F]{2}", number):
            continue
        driver = folder / "driver"
        found.append(
            UsbInterface(
                number=int(number, 16),
                driver=driver.readlink().name if driver.is_symlink() else "",
                ttys=_names((*folder.glob("ttyUSB*"), *folder.glob("tty/tty*"))),
                networks=_names(folder.glob("net/*")),
                controls=_names(folder.glob("usbmisc/*")),
            )
        )
    return tuple(sorted(found, key=lambda interface: interface.number))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _names(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted({path.name for path in paths}))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _is_pci(folder: Path) -> bool:
    return (folder / "vendor").is_file() and (folder / "device").is_file()


def _pci(path: Path) -> str:
    return _text(path).lower().removeprefix("0x")


def _wwan_order(entry: Path) -> tuple[int, int]:
    match = _WWAN_AT.fullmatch(entry.name)
    return (int(match[1]), int(match[2])) if match else (-1, -1)
