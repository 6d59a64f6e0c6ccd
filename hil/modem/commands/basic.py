"""Basic commands and the settings of the line: V.250 6.1 to 6.3, TS 27.007 9.1."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command, Form
from hil.modem.device import Device
from hil.modem.line import LineSettings
from hil.modem.personality import Personality
from hil.modem.reply import ERROR, Refused, Reply

# Defaults of the S-parameters that clients look at (V.250 6.2.1 to 6.2.3, 6.3.8).
_REGISTERS = {"S0": 0, "S3": 13, "S4": 10, "S5": 8, "S7": 60}


def handlers(_personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    ignored = dict.fromkeys(("&C", "&D", "&K", "&S", "L", "M", "X"), _nothing)
    return {
        **ignored,
        "E": _echo,
        "V": _verbose,
        "Q": _quiet,
        "Z": _defaults,
        "&F": _defaults,
        "H": _nothing,
        "D=": _dial,
        "+CMEE=": _error_form,
        "+CMEE?": _read_error_form,
        "+CMEE=?": lambda _device, _command: Reply(("+CMEE: (0-2)",)),
    }


def register(device: Device, command: Command) -> Reply:
    """S-parameters: kept and read back; S3 to S5 cannot be changed here."""
    if command.form is Form.READ:
        return Reply((f"{int(device.echo_values.get(command.name, str(_REGISTERS.get(command.name, 0)))):03d}",))
    device.echo_values[command.name] = str(command.number(0, 0, among=range(256)))
    return Reply()


def _switch(command: Command) -> bool:
    value = command.text(0, "0")
    if value not in ("0", "1"):
        raise Refused(ERROR)
    return value == "1"


def _echo(device: Device, command: Command) -> Reply:
    device.settings.echo = _switch(command)
    return Reply()


def _verbose(device: Device, command: Command) -> Reply:
    device.settings.verbose = _switch(command)
    return Reply()


def _quiet(device: Device, command: Command) -> Reply:
    device.settings.quiet = _switch(command)
    return Reply()


def _defaults(device: Device, _command: Command) -> Reply:
    device.settings = LineSettings(cmee=device.personality.line.cmee)
    device.reports.reset()
    return Reply()


def _nothing(_device: Device, _command: Command) -> Reply:
    return Reply()


def _dial(_device: Device, _command: Command) -> Reply:
    """No voice and no PPP here."""
    raise Refused(ERROR)


def _error_form(device: Device, command: Command) -> Reply:
    device.settings.cmee = command.number(0, 0, among=range(3))
    return Reply()


def _read_error_form(device: Device, _command: Command) -> Reply:
    return Reply((f"+CMEE: {device.settings.cmee}",))
