"""Which modems are on this machine, and which definition fits each of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ipad.board.definition import Board
from ipad.board.host import host_names
from ipad.board.library import GENERIC, BoardLibrary
from ipad.board.location import device_ports, place_ports
from ipad.board.matching import Candidate, Facts
from ipad.board.sysfs import ROOT, Device, devices
from ipad.records import dataclass

_EMERGENCY: Final = "05c6:9008"
"""USB id of Qualcomm's emergency download mode: the modem has no working firmware, and no AT port."""


@dataclass(frozen=True, slots=True)
class FoundModem:
    """A device that some definition fits. `candidates` are all that fit, the chosen one first."""

    device: Device
    board: Board
    candidates: tuple[Candidate, ...]
    at_ports: tuple[str, ...]
    ppp_port: str | None
    networks: tuple[str, ...]
    hints: tuple[str, ...]

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.board.name} at {self.device.label}: {self.at_ports[0] if self.at_ports else 'no AT port'}"


@dataclass(frozen=True, slots=True)
class Detection:
    """`gateways` fit the names of the host; `unknown` are other devices with serial ports."""

    host: tuple[str, ...]
    gateways: tuple[Candidate, ...]
    modems: tuple[FoundModem, ...]
    unknown: tuple[Device, ...]
    broken: tuple[Device, ...]


def detect(library: BoardLibrary, root: Path = ROOT) -> Detection:
    """Look at USB and PCI. Nothing is opened. Raises ConfigError for a faulty definition."""
    host = host_names(root)
    gateways = library.candidates(Facts(host=host)) if host else ()
    gateway = gateways[0].name if gateways else ""
    modems: list[FoundModem] = []
    unknown: list[Device] = []
    present = devices(root)
    for device in present:
        several = sum(other.id == device.id for other in present) > 1
        candidates = library.candidates(facts_of(device))
        if candidates:
            board = board_for(library, gateway, candidates)
            modems.append(_modem(device, board, candidates, root, several=several))
        elif device.ttys or device.wwan_at:
            unknown.append(device)
    broken = tuple(device for device in present if device.id == _EMERGENCY)
    return Detection(host, gateways, tuple(modems), tuple(unknown), broken)


def facts_of(device: Device) -> Facts:
    """What the bus tells of a device."""
    return Facts(usb=device.id) if device.bus == "usb" else Facts(pci=device.id)


def board_for(library: BoardLibrary, gateway: str, candidates: Iterable[Candidate]) -> Board:
    """The definition of the modem, or that of the gateway round it where this modem is fitted in it."""
    board = library.load(next((candidate.name for candidate in candidates), GENERIC))
    if gateway and board.kind == "module":
        around = library.load(gateway, module=board.name)
        if around.module == board.name:
            return around
    return board


def _modem(device: Device, board: Board, candidates: tuple[Candidate, ...], root: Path, *, several: bool) -> FoundModem:
    ports = device_ports(board, device, root, several=several)
    data = board.ports.data
    hints: list[str] = []
    if not device.ttys and not device.wwan_at:
        hints.append("the device has no serial ports: is the driver option or cdc_acm loaded?")
        hints += [
            f"the driver option has to be told: echo {new_id} > /sys/bus/usb-serial/drivers/option1/new_id"
            for new_id in board.ports.new_id
        ]
    elif not ports:
        hints.append(f"the AT port of the definition is not among its serial ports {', '.join(device.ttys)}")
    if data is not None and data.usb_if is not None and ports:
        interface = device.interface(data.usb_if)
        if interface is None or not (interface.networks or interface.controls):
            hints.append(f"interface {data.usb_if} is no {data.kind} network: another composition, or no driver")
    return FoundModem(
        device=device,
        board=board,
        candidates=candidates,
        at_ports=ports,
        ppp_port=_ppp_port(board, device, root, several=several),
        networks=tuple(name for interface in device.interfaces for name in (*interface.networks, *interface.controls)),
        hints=tuple(hints),
    )


def _ppp_port(board: Board, device: Device, root: Path, *, several: bool) -> str | None:
    place = board.ports.ppp
    if place is None:
        return None
    return next(iter(place_ports(board, place, device, root, several=several)), None)
