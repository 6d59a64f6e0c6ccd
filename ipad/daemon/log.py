"""Logging of the process: standard error, priorities for the journal, identifiers masked.

Under systemd standard error is the journal: records go to it with fields, and where it does not take them as lines
whose `<N>` prefix it reads as the priority (sd-daemon(3)). Identifiers of cards are personal data: the log shows only
their ends unless someone asked for debugging.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Final, TextIO

from ipad.ids import mask_identifiers
from ipad.observe.log_context import CONTEXT
from ipad.records import dataclass

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


@dataclass(frozen=True, slots=True)
class LogRules:
    """`mask` identifiers of cards: "all" always, "none" never, "info" unless debugging. `per_hour`: lines, 0: all.

    `named`: each line begins with the modem that it is about.
    """

    mask: str = "info"
    per_hour: int = 0
    named: bool = False


def set_up(level: int, stream: TextIO | None = None, rules: LogRules | None = None) -> None:
    """Send the log of the process to `stream` (standard error) from `level` on, to the journal with fields.

    Who asks for debugging gets every line.
    """
    rules = rules or LogRules()
    logging.addLevelName(TRACE, "TRACE")
    target = stream if stream is not None else sys.stderr
    masked = rules.mask == "all" or (rules.mask == "info" and level > logging.DEBUG)
    handler = _handler(target, masked=masked, named=rules.named)
    if rules.per_hour and level > logging.DEBUG:
        handler = _bounded(handler, rules.per_hour)
    # What is recorded on demand may pass loggers at a lower level than what is logged.
    handler.setLevel(level)
    root = logging.getLogger()
    former, root.handlers[:] = root.handlers[:], [handler]
    for other in former:
        if type(other).__module__.startswith("ipad."):
            other.close()
    root.setLevel(level)
    # asyncio reports its own selector at debug level: noise for people who look for AT traffic.
    logging.getLogger("asyncio").setLevel(max(level, logging.WARNING))


def _handler(target: TextIO, *, masked: bool, named: bool) -> logging.Handler:
    lines = logging.StreamHandler(target)
    journal = is_journal(target)
    lines.setFormatter(LineFormatter(journal=journal, mask=masked, named=named))
    if not journal:
        return lines
    from ipad.observe.journald import JournalHandler  # noqa: PLC0415 - only under systemd

    entries = JournalHandler(_priority, mask_identifiers if masked else str, lines)
    entries.setFormatter(MessageFormatter(named=named))
    return entries


def _bounded(handler: logging.Handler, per_hour: int) -> logging.Handler:
    from ipad.observe.log_budget import BoundedHandler, LogBudget  # noqa: PLC0415 - commands have no bound

    return BoundedHandler(handler, LogBudget(time.monotonic, per_hour=per_hour))


def is_journal(stream: TextIO) -> bool:
    """Whether the stream is the connection to the journal that $JOURNAL_STREAM names as device:inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class MessageFormatter(logging.Formatter):
    """The message. `named`: behind the name of the modem that the work is for, where it is for one."""

    def __init__(self, form: str | None = None, *, named: bool = False) -> None:
        super().__init__(form)
        self._form = form or "%(message)s"
        self._named = named

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - a method of the standard library
        """The line without a traceback."""
        context = CONTEXT.get() if self._named else None
        if context is None or not context.modem:
            return super().formatMessage(record)
        # The record itself is for every handler.
        return self._form % {**record.__dict__, "message": f"{context.modem}: {record.message}"}


class LineFormatter(MessageFormatter):
    """One record, one line: `<6>ipad.modem.port: …` for the journal, with time and level elsewhere."""

    def __init__(self, *, journal: bool, mask: bool, named: bool = False) -> None:
        form = "%(name)s: %(message)s" if journal else "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        super().__init__(form, named=named)
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
