"""The rates of a UART (AT+IPR, ITU-T V.250 6.2.10): which there are, which one is in use, which one not to use again.

A modem answers AT+IPR at the old rate and uses the new one some moments later. Nothing is ever stored (no AT&W), so a
modem that was restarted is at its own rate again. Without faster rates all this is one rate that never changes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Protocol

from ipad.clock import Clock
from ipad.errors import ModemError, PortError, PortTimeoutError
from ipad.modem.fields import split_prefix
from ipad.modem.link import RateControl, SerialLink

logger = logging.getLogger(__name__)

SETTLE: Final = 0.15
"""Seconds from the answer to AT+IPR until both sides are at the new rate; manuals speak of up to 0.1."""
CHECKS: Final = 5
"""Answers that must come without a mistake before a faster rate is trusted."""
SEARCH_LIMIT: Final = 0.4
"""Seconds for AT at a rate at which the modem probably is not: one that hears it answers at once."""
_LIMIT: Final = 1.0
_BACK_TRIES: Final = 3
_UNPRINTABLE: Final = re.compile(rb"[^\x08\t\n\r\x20-\x7e]")


class Answer(Protocol):
    """What came before OK."""

    @property
    def lines(self) -> tuple[str, ...]: ...


Ask = Callable[[str, float], Awaitable[Answer]]
"""Sends a command with a limit in seconds. Raises ModemError, PortTimeoutError, PortError."""


class LineRates:
    """Of one line. All rates in bit/s.

    `base` is the modem's own rate, `faster` what it may be switched to, the best first, `suspected` those at which it
    may be besides. `unreliable` are rates that are not used any more: a set that outlives the line.
    """

    def __init__(
        self,
        base: int = 115200,
        faster: tuple[int, ...] = (),
        *,
        suspected: tuple[int, ...] = (),
        unreliable: set[int] | None = None,
    ) -> None:
        self.base = base
        self.current = base
        self.found = base
        """Where the modem was when the dialogue was started last."""
        self._faster = tuple(rate for rate in faster if rate > base)
        self._suspected = tuple(rate for rate in dict.fromkeys((*faster, *suspected)) if rate != base)
        self._unreliable = set() if unreliable is None else unreliable

    @property
    def usable(self) -> tuple[int, ...]:
        """The faster rates that nothing speaks against, the best first."""
        return tuple(rate for rate in self._faster if rate not in self._unreliable)

    def leave_alone(self, rate: int) -> None:
        """Never switch to this rate again."""
        self._unreliable.add(rate)

    def opened(self) -> None:
        """A line begins at the modem's own rate."""
        self.current = self.base

    def attempts(self, tries: int, link: SerialLink | None) -> Iterator[int]:
        """At which rates a modem is looked for. A run that was killed may have left it at another one: those come
        after two tries at its own, twice each because a line of noise swallows what follows it."""
        first = min(2, tries)
        yield from (self.base,) * first
        if isinstance(link, RateControl):
            for rate in sorted(self._suspected, key=self._unreliable.__contains__):
                yield from (rate, rate)
        yield from (self.base,) * (tries - first)

    def tune(self, link: SerialLink | None, rate: int) -> None:
        """Set the host's side. Raises PortError for a rate that the UART cannot have."""
        if rate != self.current and isinstance(link, RateControl):
            link.set_rate(rate)
            self.current = rate

    def reached(self, link: SerialLink | None, rate: int) -> bool:
        """Set the host's side for a look; False for a rate that it cannot have, which is never tried again."""
        try:
            self.tune(link, rate)
        except PortError as error:
            logger.info("%s", error)
            self.leave_alone(rate)
            return False
        return True

    def spoiled(self, data: bytes) -> bool:
        """Whether bytes cannot come from a modem at the same rate; only asked of a line that was switched."""
        return self.current != self.base and _UNPRINTABLE.search(data) is not None

    async def raise_to(self, rate: int, clock: Clock, ask: Ask, link: SerialLink) -> None:
        """Switch modem and line, and see whether answers come through.

        Raises ModemError when the modem refuses: then nothing has changed. PortTimeoutError when it does not answer at
        the new rate, PortError.
        """
        await ask(f"AT+IPR={rate}", _LIMIT)
        self.tune(link, rate)
        await clock.sleep(SETTLE)
        for _ in range(CHECKS):
            try:
                answer = await ask("AT+IPR?", _LIMIT)
            except ModemError as error:
                raise PortTimeoutError(f"at {rate} bit/s the modem understands something else: {error}") from error
            if [value.strip() for _, value in map(split_prefix, answer.lines)] != [str(rate)]:
                raise PortTimeoutError(f"at {rate} bit/s: expected +IPR: {rate}, got {answer.lines}")

    async def back(self, clock: Clock, ask: Ask, link: SerialLink) -> None:
        """Bring the modem from the rate in use to its own. Raises PortTimeoutError when it is silent there, PortError.

        On a rate that is unreliable the command may need several tries; its answer may be lost.
        """
        rate = self.current
        if rate == self.base:
            return
        failure: ModemError | PortTimeoutError | None = None
        for _ in range(_BACK_TRIES):
            self.tune(link, rate)
            try:
                await ask(f"AT+IPR={self.base}", _LIMIT)
            except (ModemError, PortTimeoutError) as error:
                failure = error
            self.tune(link, self.base)
            await clock.sleep(SETTLE)
            try:
                await ask("AT", _LIMIT)
            except (ModemError, PortTimeoutError) as error:
                failure = error
            else:
                return
        raise PortTimeoutError(f"the modem did not come back from {rate} to {self.base} bit/s: {failure}")
