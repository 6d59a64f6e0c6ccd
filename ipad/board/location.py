"""Where the AT port of a board is on this machine."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from pathlib import Path

from ipad.board.definition import Board
from ipad.board.hardware import PortPlace
from ipad.board.library import BoardLibrary
from ipad.board.sysfs import ROOT, Device, by_id, devices, stable_name
from ipad.errors import ConfigError, PortError


def at_ports(board: Board, library: BoardLibrary, root: Path = ROOT) -> tuple[str, ...]:
    """The ports to try, in order, for a board that was chosen by name.

    Raises ConfigError when the definition names no port, or when two modems fit; PortError when there is none.
    """
    if board.mux is not None:
        return (_multiplexed(board, board.mux.at, root),)
    places = places_of(board)
    fixed = tuple(port for place in places for port in _fixed(board, place, root))
    if fixed:
        return fixed
    if board.ports.driver == "tty" and not any(place.usb_if is not None for place in places):
        if not places:
            raise ConfigError(f"board {board.name}: the definition names no AT port", hint="set modem.port")
        raise PortError(
            f"board {board.name}: no link in /dev/serial/by-id fits {places[0].by_id!r}",
            hint="is the modem powered and its driver loaded?",
        )
    ids = known_ids(board, library)
    found = [device for device in devices(root) if any(fnmatch.fnmatchcase(device.id, pattern) for pattern in ids)]
    if not found:
        raise PortError(
            f"board {board.name}: no modem with id {' or '.join(ids) or '(the definition names none)'} is connected",
            hint="is the modem powered? `ipad board detect` shows what is there",
        )
    if len(found) > 1:
        raise two_modems(f"board {board.name}", [f"{device.label}: {_first_port(board, device)}" for device in found])
    ports = device_ports(board, found[0], root)
    if not ports:
        raise PortError(
            f"board {board.name}: {found[0].label} has no AT port",
            hint=f"its serial ports: {', '.join(found[0].ttys) or 'none; is the driver loaded?'}",
        )
    return ports


def two_modems(what: str, descriptions: Iterable[str]) -> ConfigError:
    """The error for a choice that only a person can make; it lists what there is."""
    listed = list(descriptions)
    return ConfigError(
        f"{what}: {len(listed)} modems match: {'; '.join(listed)}", hint="choose one with modem.port, or --port DEVICE"
    )


def places_of(board: Board) -> tuple[PortPlace, ...]:
    """The AT port and the fallback, as far as the definition names them."""
    return tuple(place for place in (board.ports.at, board.ports.at_fallback) if place is not None)


def device_ports(board: Board, device: Device, root: Path, *, several: bool = False) -> tuple[str, ...]:
    """The AT ports of a device in the order of the definition. `several`: there is another device of the same kind."""
    if board.ports.driver == "wwan" or (device.bus == "pci" and device.wwan_at):
        return tuple(f"/dev/{name}" for name in device.wwan_at)
    found = [port for place in places_of(board) for port in place_ports(board, place, device, root, several=several)]
    return tuple(dict.fromkeys(found))


def place_ports(
    board: Board, place: PortPlace, device: Device, root: Path, *, several: bool = False
) -> tuple[str, ...]:
    """The ports of one place: those of the interface of the device, or the fixed ones."""
    interface = device.interface(place.usb_if) if place.usb_if is not None else None
    ttys = interface.ttys if interface is not None else ()
    return (*(stable_name(root, tty, prefer_path=several) for tty in ttys), *_fixed(board, place, root))


def _multiplexed(board: Board, channel: int, root: Path) -> str:
    port = f"dev/gsmtty{channel}"
    if not (root / port).exists():
        raise PortError(
            f"board {board.name}: there is no /{port}: the multiplexer n_gsm is not attached to the UART",
            hint="attach it, or use the UART for AT alone with modem.port",
        )
    return f"/{port}"


def _fixed(board: Board, place: PortPlace, root: Path) -> Sequence[str]:
    """The port of a place that does not depend on a device."""
    if place.path:
        return (place.path,)
    if not place.by_id:
        return ()
    links = by_id(root, place.by_id)
    if len(links) > 1:
        raise two_modems(f"board {board.name}", links)
    return links


def known_ids(board: Board, library: BoardLibrary) -> tuple[str, ...]:
    """The USB and PCI ids of the modem, or of every known modem for a gateway that may have any."""
    matches = [board.match, *([library.match(board.module)] if board.module else [])]
    ids = tuple(pattern for match in matches for pattern in (*match.usb, *match.pci))
    if ids or board.kind == "module" or board.module:
        return ids
    known = [library.match(name) for name in library.names()]
    return tuple(pattern for match in known for pattern in (*match.usb, *match.pci))


def _first_port(board: Board, device: Device) -> str:
    ports = device_ports(board, device, ROOT)
    return ports[0] if ports else "no AT port"
