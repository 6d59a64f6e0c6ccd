"""The line discipline of the virtual modem (V.250 5.2 and 5.7): echo, line editing, framing of results."""

from __future__ import annotations

import re
from dataclasses import dataclass

CR, LF, BACKSPACE = 0x0D, 0x0A, 0x08
_PREFIX = re.compile(rb"AT", re.IGNORECASE)
# Numeric results of ATV0 (V.250 table 1).
_NUMERIC = {"OK": "0", "CONNECT": "1", "RING": "2", "NO CARRIER": "3", "ERROR": "4", "BUSY": "7"}
# Longer than any line of a real client; what goes on without a carriage return is noise.
BUFFER_LIMIT = 8192


@dataclass
class LineSettings:
    """What ATE, ATV, ATQ and AT+CMEE set; the values are those after power-up."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    cmee: int = 0


@dataclass(frozen=True)
class Framing:
    """How a family frames its lines."""

    leading_crlf: bool = True
    blank_between: bool = False


class LineEditor:
    """Collects one command line from characters; keeps what follows it for later."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._line = bytearray()
        self._overrun = False

    @property
    def in_line(self) -> bool:
        """A line was begun and not ended."""
        return bool(self._line) or self._overrun

    def feed(self, data: bytes) -> None:
        """Take what the serial line delivered; beyond the buffer limit characters get lost."""
        self._pending += data[: max(0, BUFFER_LIMIT - len(self._pending))]

    def clear(self) -> None:
        """Forget everything that was typed."""
        self._pending.clear()
        self._line.clear()
        self._overrun = False

    def next_line(self) -> tuple[bytes, bytes | None]:
        """Consume up to and including the next carriage return.

        Returns:
            the characters consumed (to be echoed), and the line without its end, or None if it is not complete yet.
        """
        end = self._pending.find(CR)
        consumed = bytes(self._pending if end < 0 else self._pending[: end + 1])
        del self._pending[: len(consumed)]
        for byte in consumed:
            self._edit(byte)
        if end < 0:
            return consumed, None
        line, overrun = bytes(self._line), self._overrun
        self._line.clear()
        self._overrun = False
        return consumed, b"" if overrun else line

    def _edit(self, byte: int) -> None:
        if byte == BACKSPACE:
            del self._line[-1:]
        elif byte >= 0x20 and len(self._line) < BUFFER_LIMIT:
            self._line.append(byte)
        elif byte >= 0x20:
            self._overrun = True


def command_body(line: bytes) -> str | None:
    """What follows the first `AT` of a line, or None for a line that is no command (V.250 5.2.1)."""
    match = _PREFIX.search(line)
    return line[match.end() :].decode("latin-1") if match else None


def information(lines: tuple[str, ...], settings: LineSettings, framing: Framing) -> bytes:
    """Information text or unsolicited lines as they go over the line."""
    if not lines:
        return b""
    start = "\r\n" if settings.verbose and framing.leading_crlf else ""
    between = "\r\n\r\n" if framing.blank_between and start else "\r\n"
    return (start + between.join(lines) + "\r\n").encode("latin-1", "replace")


def final_result(text: str, settings: LineSettings, framing: Framing) -> bytes:
    """A final result; nothing in quiet mode, a digit with ATV0."""
    if settings.quiet:
        return b""
    if not settings.verbose:
        return (_NUMERIC.get(text, text) + "\r").encode("latin-1", "replace")
    start = "\r\n" if framing.leading_crlf else ""
    return f"{start}{text}\r\n".encode("latin-1", "replace")
