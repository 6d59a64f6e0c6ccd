"""Settings of a family that outlive a reset: operator configuration, choice of the SIM slot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import ERROR, Refused, Reply


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group, as far as the family has them."""
    table: dict[str, Callable[[Device, Command], Reply]] = {}
    for key in personality.settings:
        name, separator, _ = key.partition("=")
        if separator:
            table[f"{name.upper()}="] = partial(_named, name.upper())
        else:
            table[f"{name.upper()}?"] = partial(_read, key)
            table[f"{name.upper()}="] = partial(_write, key)
    slots = personality.slots
    if slots.command:
        table[f"{slots.command.upper()}?"] = _slot
        table[f"{slots.command.upper()}="] = _choose_slot
    return table


def _read(key: str, device: Device, _command: Command) -> Reply:
    return Reply((f"{key}: {device.lasting[key]}",))


def _write(key: str, device: Device, command: Command) -> Reply:
    device.lasting[key] = _text(command, 0)
    if key == "+CPSMS":
        device.power_saving_changed()
    return Reply()


def _named(name: str, device: Device, command: Command) -> Reply:
    """`=<item>` reads an item, `=<item>,<values>` writes it."""
    item = command.text(0)
    key = next((key for key in device.lasting if key.upper() == f'{name}="{item}"'.upper()), None)
    if key is None:
        raise Refused(ERROR)
    if len(command.arguments) == 1:
        return Reply((f'{name}: "{item}",{device.lasting[key]}',))
    device.lasting[key] = _text(command, 1)
    return Reply()


def _text(command: Command, start: int) -> str:
    return ",".join(f'"{item.text}"' if item.quoted else item.text for item in command.arguments[start:])


def _slot(device: Device, _command: Command) -> Reply:
    style = device.personality.slots
    return Reply((f"{style.command}: {device.slot - 1 + style.first}",))


def _choose_slot(device: Device, command: Command) -> Reply:
    style = device.personality.slots
    slot = command.number(0, among=range(style.first, style.first + style.count)) + 1 - style.first
    return Reply(after=lambda: device.choose_slot(slot))
