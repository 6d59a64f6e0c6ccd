"""AT+IPR, the fixed rate of the line (V.250 6.2.10), and AT&W, which stores it."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import ERROR, Refused, Reply


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group; AT&W is known to every modem."""
    table: dict[str, Callable[[Device, Command], Reply]] = {"&W": _store}
    if personality.line.rates:
        table |= {"+IPR=": _write, "+IPR?": _read, "+IPR=?": _test}
    return table


def _write(device: Device, command: Command) -> Reply:
    """The answer comes at the old rate; the new one holds some time after it."""
    knobs = device.knobs
    rate = command.number(0)
    if knobs.rate_refused or rate not in device.personality.line.rates:
        raise Refused(ERROR)
    change = device.rate.store if knobs.rate_stored else device.rate.use
    delay = device.personality.line.rate_delay
    return Reply(after=lambda: device.later(delay, lambda: change(rate)))


def _read(device: Device, _command: Command) -> Reply:
    return Reply((f"+IPR: {device.rate.current}",))


def _test(device: Device, _command: Command) -> Reply:
    rates = ",".join(map(str, device.personality.line.rates))
    return Reply((f"+IPR: (),({rates})",))


def _store(device: Device, _command: Command) -> Reply:
    device.rate.stored = device.rate.current
    return Reply()
