"""AT commands of the virtual modem, one module per group; a table finds the handler of a command."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command, Form
from hil.modem.commands import (
    apdu,
    basic,
    identity,
    lasting,
    line_rate,
    pdp,
    power,
    registration,
    signal,
    sim,
    stored,
    time,
    vendor,
)
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Reply

Handler = Callable[[Device, Command], Reply]

_GROUPS = (basic, identity, sim, apdu, registration, signal, pdp, time, stored, lasting, line_rate, power, vendor)


class CommandTable:
    """All commands of one personality."""

    def __init__(self, personality: Personality) -> None:
        self._handlers: dict[str, Handler] = {}
        for group in _GROUPS:
            self._handlers.update(group.handlers(personality))
        for key, lines in personality.fixed.items():
            self._handlers[key.upper()] = _fixed(tuple(lines))
        self._names = {key.rstrip("=?") for key in self._handlers}

    def find(self, command: Command) -> Handler | None:
        """The handler of a command in its form. A test form without own answer is OK where the command exists."""
        if command.name[0] == "S" and command.name[1:].isdecimal():
            return basic.register
        handler = self._handlers.get(str(command))
        if handler is None and command.form is Form.TEST and command.name in self._names:
            return _fixed(())
        return handler


def _fixed(lines: tuple[str, ...]) -> Handler:
    return lambda _device, _command: Reply(lines)
