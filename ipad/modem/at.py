"""AT answers of a modem, without I/O: bytes in, events out (ITU-T V.250 5.7; 3GPP TS 27.007 4).

The parser knows the command that runs, because only that tells an answer from an unsolicited result code (URC)
and an echo from a value. It does not know time: who waits too long calls `abandon()`. Lines end at CR or LF, so
that results of `ATV0` (digits and a bare CR) and answers without a leading line end are lines too. A buffer that
outgrows `max_line` is dropped up to the next line end.
"""

from __future__ import annotations

import re
from typing import Final

from ipad.modem.fields import split_prefix
from ipad.modem.urc import UrcTable
from ipad.records import dataclass

MAX_LINE: Final = 160 * 1024
"""Longest line kept, in bytes: a response APDU needs 540, one that the modem joined itself up to 131,100."""
MAX_LINES: Final = 2000
"""Most lines kept of one answer."""

_ERROR = re.compile(r"\+(CM[ES]) ERROR\s*:\s*(.*)", re.IGNORECASE)
_FINAL_TEXTS = re.compile(
    r"OK|ERROR|ABORTED|COMMAND NOT SUPPORT(?:ED)?|UNKNOWN COMMAND|(?:INCORRECT )?PARAMETERS? ERROR|TOO MANY PARAMETERS",
    re.IGNORECASE,
)
_CALL_RESULTS = re.compile(r"NO CARRIER|BUSY|NO ANSWER|NO DIALTONE|CONNECT(?: .*)?")
_NUMERIC = {"0": "OK", "3": "NO CARRIER", "4": "ERROR", "7": "BUSY"}
_FOREIGN_ECHO = re.compile(r"AT[+^#!%$*&@][A-Za-z]")
_GLUED_FINAL = re.compile(r"(OK|ERROR)(?=[+^#!%$*])")
_SPLITTABLE = ("+CSIM", "+CGLA")
_HEX_PART = re.compile(r'"?[0-9A-Fa-f]+"?|"')
_DECLARED = re.compile(r'\+[A-Z]+\s*:\s*(\d{1,5})\s*,\s*"?([0-9A-Fa-f]*)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Urc:
    """An unsolicited result code, as printed."""

    line: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that is neither answer nor known event: an echo, noise, the rest of an earlier answer."""

    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for data (`> `), which no command of ours wants to send."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The final result of the running command. `code` is the number of +CME/+CMS ERROR, None for a text."""

    ok: bool
    final: str
    code: int | None
    lines: tuple[str, ...]


Event = Urc | Ignored | Prompt | Completed


def final_result(line: str) -> Completed | None:
    """Read a final result other than those of a call; None when the line is none."""
    error = _ERROR.fullmatch(line)
    if error:
        text = error[2].strip()
        return Completed(ok=False, final=line, code=int(text) if text.isascii() and text.isdigit() else None, lines=())
    if _FINAL_TEXTS.fullmatch(line):
        return Completed(ok=line.upper() == "OK", final=line, code=None, lines=())
    return None


def expected_prefix(command: str) -> str:
    """The prefix with which answers to an extended command begin: `+CREG` for `AT+CREG?`, "" for a basic one."""
    match = re.match(r"AT([+^#!%$*&@][A-Za-z][A-Za-z0-9]*)", command, re.IGNORECASE)
    return match[1].upper() if match else ""


class AtParser:
    """The dialogue of one port: at most one command runs at a time."""

    def __init__(self, urcs: UrcTable, *, max_line: int = MAX_LINE) -> None:
        self._urcs = urcs
        self._max_line = max_line
        self._buffer = bytearray()
        self._overflow = False
        self._command: str | None = None
        self._prefix = ""
        self._numeric = False
        self._lines: list[str] = []
        self._echo_seen = False

    @property
    def running(self) -> bool:
        """Whether a command waits for its final result."""
        return self._command is not None

    def begin(self, command: str, *, numeric: bool = False) -> None:
        """A command line (without CR) was sent. `numeric`: results of ATV0 are accepted, as before ATV1."""
        self._command = command
        self._prefix = expected_prefix(command)
        self._numeric = numeric
        self._lines = []
        self._echo_seen = False

    def abandon(self) -> tuple[str, ...]:
        """Nobody waits for the running command any more; returns the lines that came so far."""
        lines, self._lines, self._command = tuple(self._lines), [], None
        return lines

    @property
    def unterminated_final(self) -> bool:
        """Whether a final result arrived without its line end, which some firmware swallows."""
        return self.running and bytes(self._buffer) in (b"OK", b"ERROR")

    def reset(self) -> None:
        """Forget everything: the line was closed."""
        self.abandon()
        self._buffer.clear()
        self._overflow = False

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, cut anywhere; return what they complete, in order."""
        events: list[Event] = []
        # Only what is new is searched: a line may come in bytes, and be long.
        *ends, rest = re.split(rb"[\r\n]", data)
        complete: list[bytes | bytearray] = []
        if ends:
            complete = [self._buffer + ends[0], *ends[1:]]
            self._buffer = bytearray()
        self._buffer += rest
        for raw in complete:
            if self._overflow:
                self._overflow = False
                continue
            if len(raw) > self._max_line:
                events.append(self._too_long(raw))
                continue
            line = _text(raw)
            if line:
                self._take(line, events)
        if len(self._buffer) > self._max_line:
            if not self._overflow:
                events.append(self._too_long(self._buffer))
            self._overflow = True
            self._buffer.clear()
        elif self.running and self._buffer == b"> ":
            self._buffer.clear()
            events.append(Prompt())
        return events

    def _too_long(self, raw: bytes | bytearray) -> Ignored:
        return Ignored(_text(raw[:40]), f"line of more than {self._max_line} bytes")

    def _take(self, line: str, events: list[Event]) -> None:
        if self._command is None:
            events.append(Urc(line) if self._urcs.matches(line) else Ignored(line, "no command runs"))
            return
        line = self._without_echo(line, events)
        for part in self._parts(line):
            self._classify(part, events)

    def _without_echo(self, line: str, events: list[Event]) -> str:
        """Drop the echo of the running command, whole, cut at its start, or glued to something."""
        command = self._command or ""
        if line == command or (
            not self._echo_seen and len(line) >= max(len(command) - 2, 2) and command.endswith(line)
        ):
            self._echo_seen = True
            events.append(Ignored(line, "echo"))
            return ""
        if line.endswith(command) and len(command) > 2:
            before = line.removesuffix(command)
            events.append(Urc(before) if self._urcs.matches(before) else Ignored(line, "echo after an earlier answer"))
            return ""
        if line.startswith(command) and len(command) > 2 and not self._echo_seen:
            rest = line.removeprefix(command)
            if split_prefix(rest)[0] or final_result(rest):
                self._echo_seen = True
                return rest
        if self._prefix != "+CLAC" and _FOREIGN_ECHO.search(re.sub(r'"[^"]*"', "", line)):
            events.append(Ignored(line, "echo of another command"))
            return ""
        return line

    def _parts(self, line: str) -> list[str]:
        """Part what was glued together: a URC behind an answer, an answer behind a URC, a URC behind OK."""
        if not line:
            return []
        glued = _GLUED_FINAL.match(line)
        if glued and self._urcs.matches(line[glued.end() :]):
            return [glued[0], line[glued.end() :]]
        cut = self._urcs.find_glued(line, also=self._prefix)
        return [line] if cut is None else [line[:cut].strip(), *self._parts(line[cut:])]

    def _classify(self, line: str, events: list[Event]) -> None:
        if self._command is None:
            events.append(Urc(line) if self._urcs.matches(line) else Ignored(line, "follows a final result"))
            return
        final = self._final(line)
        if final is not None:
            lines = self.abandon()
            events.append(Completed(final.ok, final.final, final.code, lines))
        elif self._urcs.is_unsolicited(line, self._command, self._prefix):
            events.append(Urc(line))
        elif self._continues(line):
            self._lines[-1] += line
        elif len(self._lines) < MAX_LINES:
            self._lines.append(line)
        else:
            events.append(Ignored(line, f"more than {MAX_LINES} lines in one answer"))

    def _final(self, line: str) -> Completed | None:
        assert self._command is not None
        if self._numeric and line in _NUMERIC:
            line = _NUMERIC[line]
        result = final_result(line)
        if result is None and self._command[:3].upper() in ("ATD", "ATA", "ATO") and _CALL_RESULTS.fullmatch(line):
            result = Completed(ok=line.startswith("CONNECT"), final=line, code=None, lines=())
        return result

    def _continues(self, line: str) -> bool:
        """Whether the line is the next part of an APDU answer that was broken across lines."""
        if self._prefix not in _SPLITTABLE or not self._lines or not _HEX_PART.fullmatch(line):
            return False
        declared = _DECLARED.match(self._lines[-1])
        return declared is not None and len(declared[2]) < int(declared[1])


def _text(raw: bytes | bytearray) -> str:
    """The printable characters of a line. UARTs that power up add NUL and FF bytes."""
    text = bytes(raw).strip(b"\x00\xff").decode("utf-8", errors="replace")
    return "".join(char for char in text if char >= " " and char != "\x7f").strip()
