"""What happened in a scenario, in the words of bench and agent, for people who read a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hil.clock import ManualClock
from ipad.policy.decisions import Decision, Probe
from ipad.policy.events import (
    Event,
    Hints,
    PollDone,
    PollFailed,
    ProbeResult,
    RulesLoaded,
    SignalSample,
    Tick,
    TimeSet,
    Traffic,
)
from ipad.policy.narration import narrate

_LINES = 60
"""Of each part of a long report: a network that flaps for days says the same again and again."""
_ROUTINE = ("RECOVER", "POLL", "REPORT")
"""Decisions that are left out in the middle of a long report."""
_SELDOM = (Tick, TimeSet, SignalSample, Traffic, RulesLoaded, Hints, Probe, ProbeResult)


@dataclass(frozen=True)
class Line:
    """`who`: " " for the world, "-" for an event, ">" for a decision."""

    at: float
    who: str
    text: str

    def __str__(self) -> str:
        hours, rest = divmod(round(self.at, 1), 3600)
        minutes, seconds = divmod(rest, 60)
        return f"{int(hours):4d}:{int(minutes):02d}:{seconds:04.1f}  {self.who} {self.text}"


class Timeline:
    """Satisfies `guard.engine.EventSink`. `events` and `decisions` are complete, with their moments from `begin` on."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._begin = clock.monotonic()
        self.events: list[tuple[float, Event]] = []
        self.decisions: list[tuple[float, Decision]] = []
        self._lines: list[Line] = []
        self._last = ""

    def begin(self) -> None:
        """Time counts from here."""
        self._begin = self._clock.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self._clock.monotonic() - self._begin

    def note(self, _now: float, event: Event) -> None:
        """An event that policy was told."""
        self.events.append((self.now, event))
        if not isinstance(event, _SELDOM):
            self._write("-", narrate(event), once=isinstance(event, PollDone | PollFailed))

    def decided(self, _now: float, decision: Decision) -> None:
        """What policy decided on it."""
        self.decisions.append((self.now, decision))
        if not isinstance(decision, _SELDOM):
            self._write(">", narrate(decision))

    def say(self, text: str) -> None:
        """Something that a test did."""
        self._write("*", text)

    def made(self, *kinds: type) -> list[Decision]:
        """The decisions of some kinds, in their order."""
        return [decision for _, decision in self.decisions if isinstance(decision, kinds)]

    def first(self, *kinds: type) -> float:
        """When the first decision of some kinds was made, in seconds from the beginning."""
        return next(at for at, decision in self.decisions if isinstance(decision, kinds))

    def text(self, world: Iterable[tuple[float, str]] = ()) -> str:
        """All of it, with what the world did."""
        lines = sorted([*self._lines, *(Line(at, " ", text) for at, text in world)], key=lambda line: line.at)
        if len(lines) > 3 * _LINES:
            middle = [line for line in lines[_LINES:-_LINES] if line.who == ">" and not line.text.startswith(_ROUTINE)]
            head = [*lines[:_LINES], *middle[:_LINES]]
            left = len(lines) - len(head) - _LINES
            return "\n".join([*map(str, head), f"      ... {left} lines are left out ...", *map(str, lines[-_LINES:])])
        return "\n".join(map(str, lines))

    def _write(self, who: str, text: str, *, once: bool = False) -> None:
        if not (once and text == self._last):
            self._lines.append(Line(self.now, who, text))
        self._last = text
