"""Identification of the modem: TS 27.007 5.1 to 5.4, V.250 6.1.3 and 6.1.4."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Reply


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    who = personality.identity
    answers = {
        "+CGMI": who.manufacturer,
        "+GMI": who.manufacturer,
        "+CGMM": who.model,
        "+GMM": who.model,
        "+CGMR": who.revision,
        "+GMR": who.revision,
        "+CGSN": who.imei,
        "+GSN": who.imei,
        "+GCAP": "+GCAP: +CGSM",
    }
    table: dict[str, Callable[[Device, Command], Reply]] = {name: _lines((text,)) for name, text in answers.items()}
    table["+CGSN="] = _serial_number
    table["I"] = _lines(who.ati or (who.manufacturer, who.model, who.revision))
    return table


def _lines(lines: tuple[str, ...]) -> Callable[[Device, Command], Reply]:
    return lambda _device, _command: Reply(lines)


def _serial_number(device: Device, command: Command) -> Reply:
    """0 serial number, 1 IMEI, 2 IMEI with software version, 3 software version (TS 27.007 5.4)."""
    imei = device.personality.identity.imei
    kind = command.number(0, among=range(4))
    values = {0: imei, 1: f'+CGSN: "{imei}"', 2: f'+CGSN: "{imei[:14]}01"', 3: '+CGSN: "01"'}
    return Reply((values[kind],))
