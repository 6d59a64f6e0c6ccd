"""The SIM interface of the virtual modem over time: start, busy, ready, REFRESH, removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hil.clock import Clock, Timer
from hil.modem.knobs import Knobs
from hil.modem.personality import OnRefresh, SimStyle
from hil.modem.terminal import (
    REFRESH,
    REFRESH_PROFILE_STATE_CHANGE,
    REFRESH_UICC_RESET,
    Card,
    CardTerminal,
    ProactiveCommand,
    SimFacts,
)
from hil.network import Subscriber

# Proactive commands that may follow each other before the modem leaves the card alone.
_MAX_PROACTIVE = 16


class SimState(Enum):
    """Where the card is: no supply, no card, being read, usable for APDUs only, usable for the network."""

    OFF = "off"
    ABSENT = "absent"
    BUSY = "busy"
    NO_IDENTITY = "no identity"
    READY = "ready"


@dataclass(frozen=True)
class SimEvents:
    """What the modem does when the card changes.

    lost: sessions and subscriber are gone. settled: the card has been read, or there is none. announce: send a line.
    run: execute a callback that may meet a card without power. reenumerate: the port goes and comes back.
    """

    lost: Callable[[], None]
    settled: Callable[[], None]
    announce: Callable[[str], None]
    run: Callable[[Callable[[], None]], None]
    reenumerate: Callable[[], None]


class Sim:
    """One card holder. `knobs` is replaced by its owner when they change."""

    def __init__(self, card: Card | None, style: SimStyle, clock: Clock, events: SimEvents) -> None:
        self._style = style
        self._clock = clock
        self._events = events
        self._timers: list[Timer] = []
        self._terminal = CardTerminal(card) if card is not None else None
        self._attending = False
        self.knobs = Knobs()
        self.slot_in_use = True
        self.state = SimState.OFF
        self.facts = SimFacts()

    @property
    def present(self) -> bool:
        return self._terminal is not None and self.slot_in_use and not self.knobs.card_removed

    @property
    def terminal(self) -> CardTerminal | None:
        """The card, while APDUs can be exchanged with it."""
        return self._terminal if self.state in (SimState.READY, SimState.NO_IDENTITY) else None

    @property
    def subscriber(self) -> Subscriber | None:
        """Who the network would see."""
        imsi = self.facts.imsi
        if self.state is not SimState.READY or imsi is None:
            return None
        return Subscriber(imsi, imsi[: 3 + self.facts.mnc_digits])

    def start(self) -> None:
        """Power the card up, read it when it has had its time."""
        self._cancel()
        if not self.present:
            self.state = SimState.ABSENT
            self._events.settled()
            return
        self.state = SimState.BUSY
        assert self._terminal is not None
        self._terminal.reset()
        self._after(self._style.busy_time + self.knobs.sim_busy, self._initialise)

    def stop(self) -> None:
        """Take the supply from the card."""
        self._cancel()
        if self.state is SimState.OFF:
            return
        if self._terminal is not None:
            self._terminal.power_off()
        self.state = SimState.OFF
        self.facts = SimFacts()
        self._events.lost()

    def forget(self) -> None:
        """The whole device lost its power: nothing is said to anybody."""
        self._cancel()
        if self._terminal is not None:
            self._terminal.power_off()
        self.state = SimState.OFF
        self.facts = SimFacts()

    def presence_changed(self) -> None:
        """The card was taken out or put in while the modem is on."""
        if self.state is SimState.OFF:
            return
        if not self.present and self.state is not SimState.ABSENT:
            self._cancel()
            if self._terminal is not None:
                self._terminal.power_off()
            self.state = SimState.ABSENT
            self.facts = SimFacts()
            self._events.lost()
            self._say(self._style.removed)
        elif self.present and self.state is SimState.ABSENT:
            self.start()

    def challenge(self, rand: bytes, autn: bytes) -> bytes | None:
        """AUTHENTICATE on the USIM: its answer, None when it refuses or there is no card."""
        if self.terminal is None:
            return None
        answer = self.terminal.authenticate(rand, autn)
        self.attend()
        return answer

    def attend(self) -> None:
        """Look after a proactive command that the card announced, a moment from now."""
        waiting = self._terminal is not None and self._terminal.proactive_length is not None
        if waiting and not self._attending and self.terminal is not None and not self._ignores_refresh:
            self._attending = True
            self._after(self._style.refresh_delay, self._proactive_session)

    @property
    def _ignores_refresh(self) -> bool:
        return self.knobs.ignore_refresh or self._style.refresh is OnRefresh.IGNORE

    def _proactive_session(self) -> None:
        self._attending = False
        for _ in range(_MAX_PROACTIVE):
            command = self._terminal.fetch() if self._terminal is not None else None
            if command is None:
                return
            if command.kind == REFRESH:
                self._refresh(command)
                return
            assert self._terminal is not None
            self._terminal.respond(command)

    def _refresh(self, command: ProactiveCommand) -> None:
        """Execute REFRESH (TS 102 223 6.4.7): UICC Reset has no TERMINAL RESPONSE, the others have one."""
        assert self._terminal is not None
        if command.qualifier != REFRESH_UICC_RESET:
            self._terminal.respond(command)
        if command.qualifier in (REFRESH_UICC_RESET, REFRESH_PROFILE_STATE_CHANGE):
            self._events.lost()
        self._say(self._style.lost)
        self._cancel()
        self.state = SimState.BUSY
        if command.qualifier == REFRESH_UICC_RESET:
            self._terminal.reset()
        self._after(self._style.busy_time + self.knobs.sim_busy, self._initialise)
        if self._style.refresh is OnRefresh.REENUMERATE:
            self._events.reenumerate()

    def _initialise(self) -> None:
        assert self._terminal is not None
        self._terminal.announce(
            bytes.fromhex(self._style.terminal_capability), bytes.fromhex(self._style.terminal_profile)
        )
        self.facts = self._terminal.read_facts()
        self.state = SimState.READY if self.facts.imsi else SimState.NO_IDENTITY
        if self.state is SimState.READY:
            self._say(self._style.ready)
        self._events.settled()
        self.attend()

    def _say(self, lines: tuple[str, ...]) -> None:
        for line in lines:
            self._events.announce(line)

    def _after(self, delay: float, action: Callable[[], None]) -> None:
        self._timers.append(self._clock.call_later(delay, lambda: self._events.run(action)))

    def _cancel(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._attending = False
