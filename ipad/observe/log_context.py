"""What the log lines of one modem are about: fields that every record written on its behalf carries to the journal.

A context variable holds them, because one process may serve several modems: whatever task the work for one of them
starts inherits its context.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from ipad.records import dataclass


@dataclass(slots=True)
class LogContext:
    """Fields of the journal; empty text is left out. Changed as the work goes on."""

    modem: str = ""
    eid: str = ""
    iccid: str = ""
    eim: str = ""
    transaction: str = ""


CONTEXT: Final[ContextVar[LogContext | None]] = ContextVar("ipad_log_context", default=None)
