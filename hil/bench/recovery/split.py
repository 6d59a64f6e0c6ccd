"""From what the rig and the agent's log saw to the parts of one recovery. Pure: moments in, durations out.

What is not the agent's: waits that its policy file orders, and what modem and networks need. In each part:

- detection: the modem notices first (a line that it sends by itself); looks along the path are waited for by policy.
- decision: policy orders how long a loss must last.
- switch: all of it is the agent's, down to the answer of the eUICC.
- registration: until the modem reads the card anew it is the agent's; then modem and network search, register, and
  bring the session up.
- proof: all of it, up to the answer of an eIM, which the rig gives at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hil.agent_log import Entry
from hil.bench.errors import BenchError
from hil.rig.timeline import Event, Interface

_REGISTERED: Final = frozenset({"home", "roaming"})
_LINES: Final = ("+CREG", "+CGREG", "+CEREG", "+C5GREG", "+CGEV")
PARTS: Final = ("detection", "decision", "switch", "registration", "proof")


class IncompleteError(BenchError):
    """A moment that belongs to the recovery was not seen; the message names it."""


class Detection(StrEnum):
    """How the agent comes to know."""

    MODEM = "modem"
    """The modem tells that registration or bearer is gone."""
    LOOK = "look"
    """A look along the path gets no answer."""
    SWITCH = "switch"
    """The agent made the change itself, and waits for the modem to follow."""
    NONE = "none"
    """There is nothing to notice: the way back is tried when its time has come."""


@dataclass(frozen=True)
class Expected:
    """What is looked for. `decision`: its name in the agent's log, empty for none; `enabled`: the profile it brings.

    `waits`: seconds that the policy file orders until the decision, from the loss (`from_loss`) or from its detection.
    `card_wait`: seconds that the board's ladder gives the modem, until it reads the card anew.
    """

    decision: str = ""
    enabled: str = ""
    waits: float = 0.0
    from_loss: bool = False
    detection: Detection = Detection.MODEM
    state: str = ""
    """The state of registration that is the loss; empty: any that is none."""
    card_wait: float = 0.0


@dataclass(frozen=True)
class Part:
    """Seconds of one part, and those of them that are the agent's own."""

    seconds: float
    own: float


@dataclass(frozen=True)
class Split:
    """One recovery by parts, in the order of `PARTS`."""

    parts: tuple[Part, Part, Part, Part, Part]

    @property
    def total(self) -> float:
        """Seconds from loss to online."""
        return sum(part.seconds for part in self.parts)

    @property
    def own(self) -> float:
        """Seconds of it that are the agent's."""
        return sum(part.own for part in self.parts)


def split(expected: Expected, loss: float, events: Sequence[Event], entries: Sequence[Entry]) -> Split:
    """The parts of a recovery that began at `loss`. Events and entries count seconds from the same moment.

    Raises IncompleteError.
    """
    entries = [entry for entry in entries if entry.seconds >= loss]
    decided = _decided(expected, entries)
    if expected.detection is Detection.NONE:
        loss = decided
    events = [event for event in events if event.seconds >= loss]
    detected, noticed = _detected(expected, loss, decided, events, entries)
    ordered = (loss if expected.from_loss else detected) + expected.waits
    switched = _switched(expected, decided, events)
    read = _first(switched, events, Interface.APDU, "reset", "a modem that reads the card anew")
    up = _first(read, events, Interface.RADIO, "bearer up", "a bearer")
    proven = next((entry.seconds for entry in entries if entry.name == "commit" and entry.seconds >= up), None)
    if proven is None:
        raise IncompleteError("the agent did not commit the profile")
    return Split(
        (
            Part(detected - loss, max(0.0, detected - noticed)),
            Part(decided - detected, max(0.0, decided - max(detected, ordered))),
            Part(switched - decided, switched - decided),
            Part(up - switched, max(0.0, read - switched - expected.card_wait)),
            Part(proven - up, proven - up),
        )
    )


def _decided(expected: Expected, entries: Sequence[Entry]) -> float:
    if not expected.decision:
        return _entry(entries, float("inf"), _is_switch, "the switch")
    for entry in entries:
        if entry.decision and entry.name == expected.decision:
            return entry.seconds
    raise IncompleteError(f"the agent did not decide: {expected.decision}")


def _detected(
    expected: Expected, loss: float, decided: float, events: Sequence[Event], entries: Sequence[Entry]
) -> tuple[float, float]:
    """When the agent knew, and when it could have known."""
    match expected.detection:
        case Detection.NONE:
            return decided, decided
        case Detection.LOOK:
            known = _entry(entries, decided, _is_vain_look, "a look without an answer")
            return known, known
        case Detection.SWITCH:
            return _entry(entries, decided, _is_switch, "the switch"), loss
    known = _entry(entries, decided, lambda entry: _is_loss(entry, expected.state), "a loss")
    lines = [
        event.seconds
        for event in events
        if event.interface is Interface.AT and event.direction == "<" and event.text.startswith(_LINES)
    ]
    # The last one that came before is the one that told it: a refusal comes after the search.
    noticed = max((moment for moment in lines if moment <= known), default=known)
    return known, max(loss, noticed)


def _entry(entries: Sequence[Entry], until: float, fits: Callable[[Entry], bool], what: str) -> float:
    for entry in entries:
        if entry.seconds <= until and not entry.decision and fits(entry):
            return entry.seconds
    raise IncompleteError(f"{what} is not in the agent's log")


def _is_switch(entry: Entry) -> bool:
    return entry.name == "profile-changed"


def _is_vain_look(entry: Entry) -> bool:
    return entry.name == "probe-result" and not entry.fields.get("packets", False)


def _is_loss(entry: Entry, state: str) -> bool:
    if state:
        return entry.name == "registration" and entry.fields.get("state") == state
    if entry.name == "registration":
        return entry.fields.get("state") not in _REGISTERED
    return entry.name == "bearer" and entry.fields.get("session") is None


def _switched(expected: Expected, decided: float, events: Sequence[Event]) -> float:
    """When the eUICC had changed the profile; at once where nothing is changed on it."""
    if not expected.enabled:
        return decided
    text = f"profile {expected.enabled}: enabled"
    return _first(decided, events, Interface.CARD, text, f"the eUICC with profile {expected.enabled}")


def _first(after: float, events: Sequence[Event], interface: Interface, text: str, what: str) -> float:
    for event in events:
        if event.seconds >= after and event.interface is interface and event.text == text:
            return event.seconds
    raise IncompleteError(f"{what} was not seen")
