"""A file tree with the devices of a machine as the kernel and udev show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


class FakeMachine:
    """`root` is the top of the tree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ttys = 0

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def usb(
        self,
        path: str,
        usb_id: str,
        ttys: Sequence[int] = (),
        *,
        acm: bool = False,
        networks: Mapping[int, str] | None = None,
        by_id: str = "",
    ) -> dict[int, str]:
        """A USB device with serial ports at these interface numbers; returns their names."""
        folder = f"sys/bus/usb/devices/{path}"
        vendor, product = usb_id.split(":")
        self.write(f"{folder}/idVendor", f"{vendor}\n")
        self.write(f"{folder}/idProduct", f"{product}\n")
        self.write(f"{folder}/bDeviceClass", "00\n")
        self.write(f"{folder}/manufacturer", "Vendor\n")
        self.write(f"{folder}/product", "Modem\n")
        names: dict[int, str] = {}
        for number in sorted({*ttys, *(networks or {})}):
            interface = f"sys/bus/usb/devices/{path}:1.{number}"
            self.write(f"{interface}/bInterfaceNumber", f"{number:02x}\n")
            if number in ttys:
                names[number] = f"{'ttyACM' if acm else 'ttyUSB'}{self._ttys}"
                self._ttys += 1
                place = f"{interface}/tty" if acm else interface
                (self.root / place / names[number]).mkdir(parents=True)
                self.link("by-path", f"pci-0000:00:14.0-usb-0:{path}:1.{number}-port0", names[number])
                if by_id:
                    self.link("by-id", f"usb-{by_id}-if{number:02x}-port0", names[number])
            if networks and number in networks:
                name = networks[number]
                kind = "usbmisc" if name.startswith("cdc-wdm") else "net"
                (self.root / interface / kind / name).mkdir(parents=True)
        return names

    def link(self, kind: str, name: str, tty: str) -> None:
        """A link that udev made; a later one of the same name replaces it."""
        folder = self.root / "dev/serial" / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(f"../../{tty}")

    def pci(self, address: str, pci_id: str, ports: Sequence[str]) -> None:
        """A PCI device with ports of the WWAN subsystem."""
        vendor, device = pci_id.split(":")
        folder = f"sys/devices/pci0000:00/{address}"
        self.write(f"{folder}/vendor", f"0x{vendor}\n")
        self.write(f"{folder}/device", f"0x{device}\n")
        for port in ports:
            place = self.root / folder / "mhi0/wwan/wwan0" / port
            place.mkdir(parents=True)
            classes = self.root / "sys/class/wwan"
            classes.mkdir(parents=True, exist_ok=True)
            (classes / port).symlink_to(place)
