"""From the bursts of a paced line to who kept it idle: the agent between two commands, or modem and card.

Everything is on the line's own clock: a host that wakes up late delays neither the bytes nor the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final

from hil.modem.pacing import Burst
from hil.modem.serial_line import SerialLine

LIMIT: Final = 5760
"""Bytes per second that 115,200 bit/s can carry in hexadecimal: ten bits a character, two characters a byte."""


@dataclass(frozen=True)
class Traffic:
    """A stretch of the dialogue. `seconds` from the first bit of the first command to the last bit of the last answer.

    `gaps`: seconds from the end of each answer to the next command; `card`: from the end of commands to their answers,
    all together. `characters`: in both directions.
    """

    seconds: float
    characters: int
    gaps: tuple[float, ...]
    card: float

    @property
    def agent(self) -> float:
        """Seconds that the agent kept the line idle."""
        return sum(self.gaps)

    @property
    def usual_gap(self) -> float:
        """The mean without the longest tenth, in which the machine was busy with something else."""
        kept = sorted(self.gaps)[: max(1, len(self.gaps) - len(self.gaps) // 10)]
        return fmean(kept) if kept else 0.0

    def efficiency(self, size: int) -> float:
        """Of `size` bytes of package, as a part of `LIMIT`; the card's own time does not count."""
        return size / LIMIT / (self.seconds - self.card)

    def usual_efficiency(self, size: int) -> float:
        """The same with the usual gap in place of each: without what else ran on the machine."""
        return size / LIMIT / (self.seconds - self.card - self.agent + self.usual_gap * len(self.gaps))


class LineRecorder:
    """Takes down what goes over a line, from its creation on. `clock` gives the moment of the line's own bursts."""

    def __init__(self, line: SerialLine) -> None:
        self._bursts: list[tuple[bool, Burst]] = []
        line.on_bursts(self._noting(from_agent=True), self._noting(from_agent=False))

    def between(self, first: float, last: float) -> Traffic:
        """From the command whose last bit came at `first` (monotonic seconds) to the answer begun at `last` or later.

        Raises ValueError when nothing was said then.
        """
        begin = max((n for n, (mine, one) in enumerate(self._bursts) if mine and one.end <= first), default=None)
        end = next((n for n, (mine, one) in enumerate(self._bursts) if not mine and one.end > last), None)
        if begin is None or end is None:
            raise ValueError("the line was silent")
        return traffic(self._bursts[begin : end + 1])

    def _noting(self, *, from_agent: bool) -> Callable[[Burst], None]:
        return lambda burst: self._bursts.append((from_agent, burst))


def traffic(bursts: Sequence[tuple[bool, Burst]]) -> Traffic:
    """Sums over a dialogue that begins with a command and ends with an answer; True is the agent."""
    gaps: list[float] = []
    card = 0.0
    for (before, previous), (mine, burst) in pairwise(bursts):
        idle = max(0.0, burst.begin - previous.end)
        if mine and not before:
            gaps.append(idle)
        elif not mine:
            card += idle
    return Traffic(bursts[-1][1].end - bursts[0][1].begin, sum(burst.size for _, burst in bursts), tuple(gaps), card)
