"""udev rules for modems, made from their definitions: names that stay, the group of serial ports, ModemManager.

The rules sort after the port types of ModemManager (77-mm-*) and before its decision (80-mm-candidate).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from ipad.board.definition import Board
from ipad.board.hardware import PortPlace
from ipad.board.library import BoardLibrary
from ipad.errors import ConfigError

FILE_NAME: Final = "78-mm-ipad.rules"
GROUP: Final = "dialout"

ModemManager = Literal["leave", "share", "ignore"]
"""`share`: it keeps off our AT port; `ignore`: it keeps off the modem."""

_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,200}\.service")
_HEAD: Final = """\
ACTION!="add|change|move|bind", GOTO="ipad_end"
SUBSYSTEMS=="usb", ATTRS{bInterfaceNumber}=="?*", ENV{.IPAD_INTERFACE}="$attr{bInterfaceNumber}"
"""
_TAIL: Final = 'LABEL="ipad_end"\n'


def udev_rules(
    library: BoardLibrary, names: Iterable[str] = (), *, modemmanager: ModemManager = "leave", start: str = ""
) -> str:
    """The text of a file of rules for these definitions, or for every modem that has a USB or PCI id.

    `start`: a unit that is started when a modem appears. Raises ConfigError for an unknown name, a definition that
    nothing can be told apart by, and for a unit name that is none.
    """
    if start and not _UNIT.fullmatch(start):
        raise ConfigError(f"{start!r}: expected the name of a service")
    asked = tuple(names)
    boards = [library.load(name) for name in asked or library.names()]
    if not asked:  # a gateway names ports of its host, which are somebody else's on any other
        boards = [board for board in boards if board.match.usb or board.match.pci]
    blocks = []
    for board in boards:
        lines = list(_rules(board, library, modemmanager, start))
        if lines:
            blocks.append("\n".join([f"# {board.title or board.name}", *lines, ""]))
        elif asked:
            raise ConfigError(
                f"board {board.name}: no USB or PCI id, no port with a fixed path: there is nothing to make a rule of"
            )
    what = " ".join(["ipad board udev", *asked])
    options = f" --modemmanager {modemmanager}" if modemmanager != "leave" else ""
    options += f" --start {start}" if start else ""
    return "\n".join([f"# Made by: {what}{options}", _HEAD, *blocks, _TAIL])


def _rules(board: Board, library: BoardLibrary, modemmanager: ModemManager, start: str) -> Iterator[str]:
    match = library.match(board.name)
    if board.kind == "gateway" and not (match.usb or match.pci) and board.module:
        match = library.match(board.module)
    actions = _actions(board.name, modemmanager, start)
    for usb_id in match.usb:
        yield from _usb(board, usb_id, modemmanager, actions)
    for pci_id in match.pci:
        vendor, _, device = pci_id.partition(":")
        yield _rule(
            'SUBSYSTEM=="wwan"',
            'KERNEL=="wwan*at0"',
            f'ATTRS{{vendor}}=="0x{vendor}"',
            f'ATTRS{{device}}=="0x{device}"',
            *actions,
        )
    place = board.ports.at
    if place is not None and place.path.startswith("/dev/tty") and board.kind == "gateway":
        yield _rule('SUBSYSTEM=="tty"', f'KERNEL=="{place.path.removeprefix("/dev/")}"', *actions)
        if board.mux is not None:
            yield _rule('SUBSYSTEM=="tty"', 'KERNEL=="gsmtty*"', f'GROUP="{GROUP}"', 'MODE="0660"')


def _usb(board: Board, usb_id: str, modemmanager: ModemManager, actions: tuple[str, ...]) -> Iterator[str]:
    vendor, _, product = usb_id.partition(":")
    ids = (f'ATTRS{{idVendor}}=="{vendor}"', f'ATTRS{{idProduct}}=="{product}"')
    if modemmanager == "ignore":
        yield _rule('SUBSYSTEM=="usb"', 'ENV{DEVTYPE}=="usb_device"', *map(_own, ids), 'ENV{ID_MM_DEVICE_IGNORE}="1"')
    for new_id in board.ports.new_id:
        # The driver knows the modem from the moment that it is told; its module is loaded by modules-load.d.
        own = new_id.replace(" ", ":")
        if own == usb_id:
            yield _rule(
                'ACTION=="add"',
                'SUBSYSTEM=="usb"',
                'ENV{DEVTYPE}=="usb_device"',
                *map(_own, ids),
                f'ATTR{{[drivers/usb-serial:option1]new_id}}="{new_id}"',
            )
    place = board.ports.at
    if place is not None and place.usb_if is not None:
        yield _rule('SUBSYSTEM=="tty"', *ids, _interface(place), *actions)
    fallback = board.ports.at_fallback
    if fallback is not None and fallback.usb_if is not None:
        yield _rule(
            'SUBSYSTEM=="tty"',
            *ids,
            _interface(fallback),
            f'GROUP="{GROUP}"',
            'MODE="0660"',
            f'SYMLINK+="ipad/{board.name}-at2"',
        )


def _actions(name: str, modemmanager: ModemManager, start: str) -> tuple[str, ...]:
    """What holds for the AT port."""
    actions = [f'GROUP="{GROUP}"', 'MODE="0660"', f'SYMLINK+="ipad/{name}-at"']
    if modemmanager == "share":
        actions.append('ENV{ID_MM_PORT_IGNORE}="1"')
    elif modemmanager == "ignore":
        # For ports that are on no bus, where no rule can name the device.
        actions += ['ENV{ID_MM_PORT_IGNORE}="1"', 'ENV{ID_MM_DEVICE_IGNORE}="1"']
    if start:
        actions += ['TAG+="systemd"', f'ENV{{SYSTEMD_WANTS}}+="{start}"']
    return tuple(actions)


def _interface(place: PortPlace) -> str:
    return f'ENV{{.IPAD_INTERFACE}}=="{place.usb_if:02x}"'


def _own(condition: str) -> str:
    """The condition on an attribute of the device itself, not of one above it."""
    return condition.replace("ATTRS", "ATTR")


def _rule(*parts: str) -> str:
    return ", ".join(parts)
