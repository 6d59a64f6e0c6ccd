"""Bounds the volume of the log: a message that repeats is counted instead, and an hour has a number of lines.

A message is known by its logger, level, template and modem, so the same trouble with other numbers is the same message,
and that of one modem hides none of another's. The journal wears flash where it is kept, and a network in trouble would
fill it.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from typing import Final

from ipad.observe.log_context import CONTEXT
from ipad.records import dataclass

REPEATS: Final = 5
"""How often a message may be written within `INTERVAL`."""
INTERVAL: Final = 600.0
HOUR: Final = 3600.0
_MOST_TEMPLATES: Final = 256

_Key = tuple[str, int, str, str]


@dataclass(slots=True)
class _Repeat:
    since: float
    written: int
    left_out: int
    last: logging.LogRecord


class LogBudget:
    """Decides what is written. `now` is a monotonic clock, `per_hour` the number of lines.

    What is below a warning ends when the hour's lines are used up; warnings and errors have half as many of their own
    on top.
    """

    def __init__(self, now: Callable[[], float], *, per_hour: int) -> None:
        self._now = now
        self._per_hour = per_hour
        self._repeats: dict[_Key, _Repeat] = {}
        self._hour = now()
        self._lines = 0
        self._left_out = 0

    def admit(self, record: logging.LogRecord) -> Iterator[logging.LogRecord]:
        """The records to write now: this one or none, and before it what is to be said of earlier ones."""
        now = self._now()
        yield from self._ended_hour(record, now)
        for summary in self._ended_repeats(now):
            yield from self._spend(summary)
        context = CONTEXT.get()
        key = (record.name, record.levelno, str(record.msg), context.modem if context is not None else "")
        repeat = self._repeats.setdefault(key, _Repeat(now, 0, 0, record))
        if repeat.written >= REPEATS:
            repeat.left_out += 1
            repeat.last = record
            return
        repeat.written += 1
        yield from self._spend(record)

    def rest(self) -> Iterator[logging.LogRecord]:
        """What is still to be said at the end."""
        for summary in self._ended_repeats(float("inf")):
            yield from self._spend(summary)

    def _ended_repeats(self, now: float) -> Iterator[logging.LogRecord]:
        over = [key for key, repeat in self._repeats.items() if now - repeat.since >= INTERVAL]
        excess = max(0, len(self._repeats) - len(over) - _MOST_TEMPLATES)
        oldest = [key for key in self._repeats if key not in over][:excess]
        for key in (*over, *oldest):
            repeat = self._repeats.pop(key)
            if repeat.left_out:
                yield _like(repeat.last, f"{repeat.last.getMessage()} (repeated {repeat.left_out} more times)")

    def _ended_hour(self, record: logging.LogRecord, now: float) -> Iterator[logging.LogRecord]:
        if now - self._hour < HOUR:
            return
        left_out, self._left_out = self._left_out, 0
        self._hour, self._lines = now, 0
        if left_out:
            self._lines += 1
            yield _like(record, f"{left_out} lines of the log were left out within an hour", logging.WARNING)

    def _spend(self, record: logging.LogRecord) -> Iterator[logging.LogRecord]:
        limit = self._per_hour if record.levelno < logging.WARNING else self._per_hour + self._per_hour // 2
        if self._lines >= limit:
            self._left_out += 1
            return
        self._lines += 1
        yield record


class BoundedHandler(logging.Handler):
    """Hands records on to another handler within a budget."""

    def __init__(self, target: logging.Handler, budget: LogBudget) -> None:
        super().__init__()
        self._target = target
        self._budget = budget

    def emit(self, record: logging.LogRecord) -> None:
        """Write what the budget admits."""
        try:
            for admitted in self._budget.admit(record):
                self._target.handle(admitted)
        except Exception:  # noqa: BLE001 - as every handler: a record that cannot be formatted must not stop the work
            self.handleError(record)

    def flush(self) -> None:
        """Flush the other handler."""
        self._target.flush()

    def close(self) -> None:
        """Say what is still to be said."""
        for record in self._budget.rest():
            self._target.handle(record)
        self._target.close()
        super().close()


def _like(record: logging.LogRecord, text: str, level: int | None = None) -> logging.LogRecord:
    """A record of the same place with another text."""
    made = copy.copy(record)
    made.msg, made.args, made.exc_info, made.exc_text = text, None, None, None
    if level is not None:
        made.levelno, made.levelname = level, logging.getLevelName(level)
    return made
