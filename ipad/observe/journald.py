"""Records of the log as entries of the journal with fields, over its native protocol.

One datagram to /run/systemd/journal/socket is one entry: `NAME=value` lines, and for a value with line feeds the name
alone, its length in 8 octets (little-endian) and the value (systemd documentation, "Native Journal Protocol").
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

from ipad.observe.alerts import ATTRIBUTE, FIELDS_ATTRIBUTE, Alert
from ipad.observe.log_context import CONTEXT, LogContext
from ipad.records import fields

SOCKET: Final = "/run/systemd/journal/socket"
_LONGEST_MESSAGE: Final = 16 * 1024
"""Larger entries would need a file descriptor in place of a datagram; nothing of the agent is that long."""
_LONGEST_FIELD: Final = 256


class JournalHandler(logging.Handler):
    """Sends records to the journal; what it does not take goes to `otherwise`.

    `priority` turns a level into that of syslog, `mask` hides identifiers in texts.
    """

    def __init__(
        self,
        priority: Callable[[int], int],
        mask: Callable[[str], str],
        otherwise: logging.Handler,
        *,
        address: str = SOCKET,
    ) -> None:
        super().__init__()
        self._priority = priority
        self._mask = mask
        self._otherwise = otherwise
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry. The journal may be restarting, or busy: then the line goes the other way."""
        try:
            self._socket.sendto(entry(self._values(record)), self._address)
        except OSError:
            self._otherwise.handle(record)
        except Exception:  # noqa: BLE001 - as every handler: a record that cannot be formatted must not stop the work
            self.handleError(record)

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()
        super().close()

    def _values(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        text = self.format(record)
        yield "MESSAGE", self._mask(text)[:_LONGEST_MESSAGE]
        yield "PRIORITY", str(self._priority(record.levelno))
        yield "SYSLOG_IDENTIFIER", "ipad"
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", str(record.lineno)
        yield "CODE_FUNC", record.funcName or ""
        yield "IPAD_LOGGER", record.name
        alert = getattr(record, ATTRIBUTE, None)
        if isinstance(alert, Alert):
            yield "MESSAGE_ID", alert.message_id
            yield "IPAD_EVENT", alert.label
        for name, value in {**_context(), **_own(record)}.items():
            yield f"IPAD_{name.upper()}", self._mask(value)[:_LONGEST_FIELD]


def entry(values: Iterator[tuple[str, str]]) -> bytes:
    """One datagram. Names must be upper case letters, digits and underscores; fields without a value are left out."""
    parts = []
    for name, value in values:
        data = value.encode("utf-8", "replace")
        if b"\n" in data:
            parts.append(name.encode("ascii") + b"\n" + len(data).to_bytes(8, "little") + data + b"\n")
        elif data:
            parts.append(name.encode("ascii") + b"=" + data + b"\n")
    return b"".join(parts)


def _context() -> dict[str, str]:
    context = CONTEXT.get()
    if context is None:
        return {}
    return {item.name: text for item in fields(LogContext) if (text := getattr(context, item.name))}


def _own(record: logging.LogRecord) -> dict[str, Any]:
    own = getattr(record, FIELDS_ATTRIBUTE, None)
    return own if isinstance(own, dict) else {}
