"""Logging of the process: standard error, priorities for the journal, identifiers masked.

Under systemd standard error is the journal, which reads the priority from a `<N>` prefix (sd-daemon(3)). Identifiers
of cards are personal data: the log shows only their ends unless someone asked for debugging.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import Final, TextIO

TRACE: Final = 5
"""Level of byte traffic: AT lines, APDUs, HTTP heads."""

LEVELS: Final = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY: Final = 7
_IDENTIFIER = re.compile(r"(?<![0-9A-Za-z])(?:\d{32}|89\d{16,18})(?![0-9A-Za-z])")


def set_up(level: int, stream: TextIO | None = None) -> None:
    """Send the log of the process to `stream` (standard error) from `level` on."""
    logging.addLevelName(TRACE, "TRACE")
    target = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(LineFormatter(journal=is_journal(target), mask=level > logging.DEBUG))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # asyncio reports its own selector at debug level: noise for people who look for AT traffic.
    logging.getLogger("asyncio").setLevel(max(level, logging.WARNING))


def is_journal(stream: TextIO) -> bool:
    """Whether the stream is the connection to the journal that $JOURNAL_STREAM names as device:inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def mask_identifiers(text: str) -> str:
    """Replace the middle of everything that looks like an EID or an ICCID."""
    return _IDENTIFIER.sub(lambda match: f"{match[0][:6]}…{match[0][-4:]}", text)


class LineFormatter(logging.Formatter):
    """One record, one line: `<6>ipad.modem.port: …` for the journal, with time and level elsewhere."""

    def __init__(self, *, journal: bool, mask: bool) -> None:
        super().__init__("%(name)s: %(message)s" if journal else "%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self.default_msec_format = "%s.%03d"
        self._journal = journal
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if self._mask:
            text = mask_identifiers(text)
        if not self._journal:
            return text
        prefix = f"<{_priority(record.levelno)}>"
        return "\n".join(prefix + line for line in text.splitlines())


def _priority(level: int) -> int:
    return next((priority for floor, priority in _PRIORITIES if level >= floor), _DEBUG_PRIORITY)
