"""Functionality, reset and switching off: TS 27.007 8.2 (+CFUN) and the vendors' own commands."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import FULL_FUNCTIONALITY, Device
from hil.modem.personality import Personality
from hil.modem.reply import Cme, Reply, refuse


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    style = personality.power
    table: dict[str, Callable[[Device, Command], Reply]] = {
        "+CFUN?": lambda device, _command: Reply((f"+CFUN: {device.functionality}",)),
        "+CFUN=": _set_functionality,
        "+CFUN=?": _values,
    }
    for name in style.reset_commands:
        table[name.upper()] = table[f"{name.upper()}="] = lambda device, _command: Reply(after=device.restart)
    for name in style.off_commands:
        table[name.upper()] = table[f"{name.upper()}="] = lambda device, _command: Reply(after=device.switch_off)
    return table


def _values(device: Device, _command: Command) -> Reply:
    style = device.personality.power
    listed = ",".join(str(value) for value in sorted({*style.cfun, *style.reset_values}))
    return Reply((f"+CFUN: ({listed}),(0,1)",))


def _set_functionality(device: Device, command: Command) -> Reply:
    style = device.personality.power
    value, reset = command.number(0), command.number(1, 0, among=range(2))
    if value in style.reset_values or (reset and value == FULL_FUNCTIONALITY):
        return Reply(after=device.restart)
    if value not in style.cfun:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    device.set_functionality(value)
    return Reply(delay=style.cfun_time)
