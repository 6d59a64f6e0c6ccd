"""Clock and network time: TS 27.007 8.15 (+CCLK), 8.40 (+CTZU), 8.41 (+CTZR)."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Cme, Reply, refuse


def handlers(_personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    return {
        "+CCLK?": lambda device, _command: Reply((f'+CCLK: "{device.wall.text()}"',)),
        "+CCLK=": _set_clock,
        "+CTZU?": lambda device, _command: Reply((f"+CTZU: {device.wall.update}",)),
        "+CTZU=": _set_update,
        "+CTZR?": lambda device, _command: Reply((f"+CTZR: {device.wall.report}",)),
        "+CTZR=": _set_report,
    }


def _set_clock(device: Device, command: Command) -> Reply:
    if not device.wall.set_text(command.text(0)):
        raise refuse(Cme.INCORRECT_PARAMETERS)
    return Reply()


def _set_update(device: Device, command: Command) -> Reply:
    device.wall.update = command.number(0, 0, among=range(4))
    return Reply()


def _set_report(device: Device, command: Command) -> Reply:
    device.wall.report = command.number(0, 0, among=range(3))
    return Reply()
