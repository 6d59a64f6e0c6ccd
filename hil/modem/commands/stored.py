"""Settings without effect in the bench: taken, and read back as they were written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Reply

# Defaults: V.250 6.2.12, TS 27.007 5.5, 7.38, 7.40, 10.1.35, TS 27.005 3.2.3.
_DEFAULTS = {
    "+IFC": "2,2",
    "+ICF": "3,3",
    "+CSCS": '"IRA"',
    "+CPSMS": '0,,,"01100000","00000000"',
    "+CEDRXS": '0,4,"0000"',
    "+CGPIAF": "0,0,0,0",
    "+CMGF": "0",
    "+CGSMS": "1",
}


def handlers(_personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    table: dict[str, Callable[[Device, Command], Reply]] = {}
    for name, default in _DEFAULTS.items():
        table[f"{name}="] = partial(_write, name)
        table[f"{name}?"] = partial(_read, name, default)
    return table


def _write(name: str, device: Device, command: Command) -> Reply:
    device.echo_values[name] = ",".join(
        f'"{argument.text}"' if argument.quoted else argument.text for argument in command.arguments
    )
    if name == "+CPSMS":
        device.power_saving_changed()
    return Reply()


def _read(name: str, default: str, device: Device, _command: Command) -> Reply:
    return Reply((f"{name}: {device.echo_values.get(name, default)}",))
