"""A recording of a modem as it came over the line, and what the AT parser makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ipad.modem.answer import AtAnswer
from ipad.modem.at import AtParser, Completed, Urc
from ipad.modem.errortext import error_code
from ipad.modem.fields import split_prefix
from ipad.modem.urc import UrcTable
from tests.captures.samples import Sample

OPEN = 'AT+CCHO="A0000005591010FFFFFFFF8900000100"'


class Dialogue:
    """A sample as a modem would have sent it, and what the AT parser makes of it."""

    def __init__(self, sample: Sample, command: str = "", *, tail: str = "") -> None:
        self.sample = sample
        self.parser = AtParser(UrcTable(("+QUSIM", "+CFUN", "RDY")))
        self.events: list[Any] = []
        self.answers: list[Completed] = []
        self.urcs: list[str] = []
        self.feed(command, wire(sample.lines) + tail)

    def feed(self, command: str, text: str) -> None:
        if command:
            self.parser.begin(command)
        self.events += self.parser.feed(text.encode())
        self.answers = [event for event in self.events if isinstance(event, Completed)]
        self.urcs = [event.line for event in self.events if isinstance(event, Urc)]

    @property
    def answer(self) -> AtAnswer:
        assert len(self.answers) == 1
        return AtAnswer("AT", self.answers[0].lines)


def wire(lines: Iterable[str]) -> str:
    text = "".join(f"{line}\r\n" for line in lines)
    return re.sub("<CR>", "\r", re.sub("<LF>|<ln>", "\n", text), flags=re.IGNORECASE)


def script(sample: Sample) -> list[tuple[str, Completed]]:
    """Commands of a sample, each with the result that the parser finds."""
    found: list[tuple[str, Completed]] = []
    parser = AtParser(UrcTable())
    command = ""
    for line in sample.lines:
        if line.startswith("AT") and not parser.running:
            command = line
            parser.begin(command)
        events = parser.feed(wire([line]).encode())
        found += [(command, event) for event in events if isinstance(event, Completed)]
    return found


def values(sample: Sample) -> list[tuple[str, str]]:
    """Prefix and value of every line."""
    return [split_prefix(line.strip()) for line in wire(sample.lines).splitlines() if line.strip()]


def final_error(code: int | None, *, command: str = OPEN) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        result = Dialogue(sample, command).answers[0]
        assert not result.ok
        assert error_code(result.final, result.code) == code

    return check
