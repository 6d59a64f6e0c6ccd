"""A device of a few lines for the tests of policy: card, modem and radio as far as policy sees them, in virtual time.

It feeds events, carries out decisions and remembers what happened. Time is a heap of callbacks; the monotonic clock of
the device begins anew with each boot.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ipad.policy.decisions import (
    Commit,
    Decision,
    EarlyPoll,
    EnableProfile,
    ExecuteFallback,
    Probe,
    Recover,
    Report,
    ReturnFromFallback,
    Rollback,
    WaitUntil,
)
from ipad.policy.events import (
    Action,
    ActionResult,
    Bearer,
    Boot,
    CardRead,
    EuiccKind,
    Event,
    Layer,
    ModemChanged,
    ModemState,
    Origin,
    Outcome,
    PollDone,
    PollFailed,
    ProbeResult,
    ProfileChanged,
    Registration,
    SignalSample,
    SimShown,
    Tick,
)
from ipad.policy.memory import lost, remember, restore, worth_saving
from ipad.policy.radio import Access, RegistrationState
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.supervisor import step

A, B, F = "8949000000000000001", "8949000000000000002", "8949000000000000009"
RUNGS = ("wait", "cfun4", "cfun0", "reset")


class Radio(Enum):
    """What a profile meets at some time."""

    FULL = "full"
    NONE = "no coverage"
    ILLEGAL = "refused for good"
    UNKNOWN_IMSI = "not provisioned"
    NO_ROAMING = "roaming refused"
    DEAD_DATA = "nothing comes back"
    WALLED = "only the resolver answers"
    NO_EIM = "everybody answers but the eIM"
    CLOCK = "TLS fails because of the local clock"

    @property
    def registers(self) -> bool:
        return self in (Radio.FULL, Radio.DEAD_DATA, Radio.WALLED, Radio.NO_EIM, Radio.CLOCK)


CAUSES = {Radio.ILLEGAL: 3, Radio.UNKNOWN_IMSI: 2, Radio.NO_ROAMING: 11}
STICKY = (Radio.ILLEGAL, Radio.UNKNOWN_IMSI)
Plan = Sequence[tuple[float, Radio]]


@dataclass
class Card:
    """The part of an eUICC that changes profiles, by the rules of SGP.32 5.9.16, 5.9.20 and 5.9.21."""

    enabled: str | None = A
    fallback: str | None = F
    installed: tuple[str, ...] = (A, B, F)
    kind: EuiccKind = EuiccKind.IOT
    undo: str | None = None
    former: str | None = None
    busy: int = 0
    switches: list[tuple[float, str, str | None]] = field(default_factory=list)

    def package(self, iccid: str | None, *, rollback: bool) -> None:
        self.undo = self.enabled if rollback else None
        self.former = None
        self.enabled = iccid

    def roll_back(self) -> Outcome:
        if self._is_busy():
            return Outcome.BUSY
        if self.undo is None:
            return Outcome.REFUSED
        self.enabled, self.undo = self.undo, None
        return Outcome.DONE

    def execute(self) -> Outcome:
        if self.enabled is None or self.fallback is None or self.fallback == self.enabled:
            return Outcome.REFUSED
        if self._is_busy():
            return Outcome.BUSY
        self.former, self.enabled, self.undo = self.enabled, self.fallback, None
        return Outcome.DONE

    def go_back(self) -> Outcome:
        if self.former is None or self.enabled != self.fallback:
            return Outcome.REFUSED
        if self._is_busy():
            return Outcome.BUSY
        self.enabled, self.former, self.undo = self.former, None, None
        return Outcome.DONE

    def reachable(self) -> set[str]:
        """Profiles that an IPA could bring about from here."""
        found = {self.enabled, self.undo, self.former}
        if self.former is None:
            found.add(self.fallback)
        return {iccid for iccid in found if iccid is not None}

    def _is_busy(self) -> bool:
        self.busy = max(0, self.busy - 1)
        return self.busy > 0


class Device:
    """Policy with a world around it. `plans` says for each ICCID from when on it meets what."""

    def __init__(
        self,
        plans: Mapping[str, Plan],
        settings: Settings | None = None,
        card: Card | None = None,
        *,
        chance: float = 0.5,
        registration: float = 20.0,
        access: Access = Access.LTE,
        hears: bool = True,
        rungs: Sequence[str] = RUNGS,
    ) -> None:
        self.settings = settings or Settings()
        self.card = card or Card()
        self.plans = plans
        self.chance = chance
        self.registration = registration
        self.access = access
        self.hears = hears
        self.rungs = tuple(rungs)
        self.now = 0.0
        self.steps = 0
        self.state = State()
        self.saved: dict[str, object] | None = None
        self.saves = 0
        self._damaged = False
        self._parts: tuple[object, ...] = ()
        self._checked = 0.0
        self.log: list[tuple[float, Decision]] = []
        self.proofs: list[float] = []
        self.reachable_lost: list[tuple[float, str, set[str]]] = []
        self.wedged = ""
        self.cut = False
        self.blind_to_refresh = ""
        self._shown: str | None = None
        self._sim_invalid = False
        self._session: str | None = None
        self._registered = False
        self._radio_on = False
        self._order = itertools.count()
        self._sessions = itertools.count(1)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._base = 0.0
        self._boot = 0
        self._life = 0
        self._search = 0
        self._wake = 0
        for iccid, plan in plans.items():
            for moment, _ in plan:
                self.at(moment, lambda iccid=iccid: self._radio_changed(iccid))

    # Time

    def at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (moment, next(self._order), action))

    def after(self, pause: float, action: Callable[[], None]) -> None:
        """Call later, unless the device is started anew before."""
        life = self._life
        self.at(self.now + pause, lambda: action() if life == self._life else None)

    def run(self, until: float) -> None:
        while self._heap and self._heap[0][0] <= until:
            self.now, _, action = heapq.heappop(self._heap)
            action()
        self.now = until

    # Policy

    @property
    def mono(self) -> float:
        return self.now - self._base

    def tell(self, event: Event) -> None:
        self.steps += 1
        done = step(self.settings, self.state, event, self.mono)
        self.state = done.state
        self._save()
        for decision in done.decisions:
            self._carry_out(decision)

    def _save(self) -> None:
        state = self.state
        parts = (state.window, state.pending, state.fallback, state.polls, state.stay, state.rules, state.history)
        if parts == self._parts and self.now - self._checked < 600.0:
            return
        self._parts, self._checked = parts, self.now
        plain = remember(state, str(self._boot), self.mono)
        if worth_saving(self.saved, plain):
            self.saved, self.saves = plain, self.saves + 1

    def _carry_out(self, decision: Decision) -> None:
        if isinstance(decision, WaitUntil):
            self._wake += 1
            turn = self._wake
            self.after(decision.at - self.mono, lambda: self.tell(Tick()) if turn == self._wake else None)
            return
        self.log.append((self.now, decision))
        match decision:
            case Rollback():
                self.after(2.0, lambda: self._switch(Action.ROLLBACK, Origin.ROLLBACK, self.card.roll_back))
            case ExecuteFallback():
                self.after(2.0, lambda: self._switch(Action.FALLBACK, Origin.FALLBACK, self.card.execute))
            case ReturnFromFallback():
                self.after(2.0, lambda: self._switch(Action.RETURN, Origin.RETURN, self.card.go_back))
            case EnableProfile(iccid=iccid):
                self.after(2.0, lambda: self._enable(iccid))
            case Recover(rung=rung):
                self.after(1.0, lambda: self._recover(rung))
            case Commit():
                self.card.undo = None  # the eUICC would still roll back, policy never does after a commit
            case Probe():
                self.after(2.0, self._probe)
            case EarlyPoll():
                self.after(2.0, self._poll)
            case _:
                pass

    def _switch(self, action: Action, origin: Origin, act: Callable[[], Outcome]) -> None:
        before, reachable = self.card.enabled, self.card.reachable()
        outcome = act()
        if outcome is Outcome.DONE:
            lost = reachable - self.card.reachable() - ({before} if origin is Origin.ROLLBACK else set())
            if lost:
                self.reachable_lost.append((self.now, str(origin), {iccid for iccid in lost if iccid}))
            if self.cut:
                self.cut = False
                self.boot(downtime=30.0)
                return
            self._changed(origin, before)
        self.tell(ActionResult(action=action, outcome=outcome))

    def _enable(self, iccid: str) -> None:
        before, self.card.enabled = self.card.enabled, iccid
        self._changed(Origin.LOCAL, before, rollback=True)
        self.tell(ActionResult(action=Action.ENABLE, outcome=Outcome.DONE))

    def _changed(self, origin: Origin, before: str | None, *, rollback: bool = False) -> None:
        self.card.switches.append((self.now, str(origin), self.card.enabled))
        self.tell(ProfileChanged(origin=origin, iccid=self.card.enabled, previous=before, rollback=rollback))
        if self.blind_to_refresh:
            self.tell(SimShown(iccid=self._shown))
        else:
            self._read_sim()

    # World

    def boot(self, *, reboot: bool = True, downtime: float = 0.0) -> None:
        """Start, or start anew after a power cut with what was saved."""
        self._life += 1
        self._session, self._registered, self._sim_invalid, self._radio_on = None, False, False, False
        if reboot:
            self._boot += 1
            self._base = self.now + downtime - 7.0
        self.after(downtime, lambda: self._begin(reboot=reboot))

    def _begin(self, *, reboot: bool) -> None:
        self.state = lost(self.mono) if self._damaged else restore(self.saved, str(self._boot), self.mono)
        self._damaged = False
        self.tell(Boot(chance=self.chance, technologies=(self.access,), rungs=self.rungs, reboot=reboot))
        self.read_card()
        if self.hears:
            self.after(15.0, lambda: self.tell(SignalSample(access=self.access, dbm=-95.0)))
        self._radio_on = True
        self.after(5.0, self._read_sim)

    def forget(self, *, damaged: bool) -> None:
        """The file with the memory is damaged when it is read next, or it is not there."""
        self.saved, self._damaged = None, damaged

    def read_card(self) -> None:
        card = self.card
        self.tell(CardRead(kind=card.kind, enabled=card.enabled, installed=card.installed, fallback=card.fallback))

    def package(self, iccid: str | None, *, rollback: bool) -> None:
        """An eUICC Package enables a profile."""
        before = self.card.enabled
        if before == iccid:
            return
        self.card.package(iccid, rollback=rollback)
        self._changed(Origin.PACKAGE, before, rollback=rollback)

    def meets(self) -> Radio:
        plan = self.plans.get(self.card.enabled or "", ())
        found = Radio.NONE
        for moment, radio in plan:
            if moment <= self.now:
                found = radio
        return found

    @property
    def online(self) -> bool:
        return self._session is not None and self.meets() is Radio.FULL

    def _read_sim(self) -> None:
        """The modem reads the card: what it knew of the network is gone."""
        self._drop()
        self._sim_invalid = False
        self._shown = self.card.enabled
        self.after(4.0, lambda: self.tell(SimShown(iccid=self._shown)))
        self._begin_search()

    def _drop(self) -> None:
        self._session, self._registered = None, False

    def _begin_search(self) -> None:
        self._search += 1
        turn = self._search
        if self._radio_on and self.card.enabled is not None:
            self.tell(Registration(state=RegistrationState.SEARCHING, access=self.access))
            self.after(self.registration, lambda: self._attempt() if turn == self._search else None)

    def _attempt(self) -> None:
        radio = self.meets()
        if self._sim_invalid or not self._radio_on or self._registered:
            return
        if self.wedged:
            return
        if radio.registers:
            self._registered = True
            self.tell(Registration(state=RegistrationState.HOME, access=self.access, plmn="26201"))
            self.after(3.0, self._bring_up)
        elif radio in CAUSES:
            self._sim_invalid = radio in STICKY
            self.tell(Registration(state=RegistrationState.DENIED, access=self.access, cause=CAUSES[radio]))
            if not self._sim_invalid:
                self._again()
        else:
            self.tell(Registration(state=RegistrationState.SEARCHING, access=self.access))
            self._again()

    def _again(self) -> None:
        turn = self._search
        self.after(60.0, lambda: self._attempt() if turn == self._search else None)

    def _bring_up(self) -> None:
        if self._registered and self._session is None:
            self._session = f"session {next(self._sessions)}"
            self.tell(Bearer(session=self._session))

    def _radio_changed(self, iccid: str) -> None:
        """The network changed for a profile: a modem with it notices, unless its SIM is invalid."""
        if iccid != self.card.enabled or self._sim_invalid or not self._radio_on:
            return
        if self._registered and not self.meets().registers:
            self._drop()
            self.tell(Bearer(session=None))
            self._begin_search()
        elif not self._registered:
            self._begin_search()

    def wedge(self, rung: str) -> None:
        """The modem hangs until a rung at least as strong."""
        self.wedged = rung
        self._drop()
        self._search += 1
        self.tell(Bearer(session=None))
        self.tell(Registration(state=RegistrationState.SEARCHING, access=self.access))

    def _recover(self, rung: str) -> None:
        if self.blind_to_refresh:
            if self.rungs.index(rung) < self.rungs.index(self.blind_to_refresh):
                self.tell(ActionResult(action=Action.RECOVER, outcome=Outcome.DONE))
                return
            self.blind_to_refresh = ""
        if self.wedged and self.rungs.index(rung) >= self.rungs.index(self.wedged):
            self.wedged = ""
        if rung == "reset":
            self._drop()
            self._radio_on = False
            self._search += 1
            self.tell(ModemChanged(state=ModemState.ABSENT))
            self.after(15.0, self._modem_back)
        elif rung != "wait":
            self._read_sim()
        self.tell(ActionResult(action=Action.RECOVER, outcome=Outcome.DONE))

    def _modem_back(self) -> None:
        self._radio_on = True
        self.tell(ModemChanged(state=ModemState.ON))
        self._read_sim()

    def _probe(self) -> None:
        if self._session is None:
            return
        result = look(self.meets(), self._session)
        if result.reached is Layer.EIM:
            self.proofs.append(self.now)
        self.tell(result)

    def _poll(self) -> None:
        if self._session is None:
            return
        if self.meets() is Radio.FULL:
            self.proofs.append(self.now)
            self.tell(PollDone(eim_id="eim", session=self._session))
        else:
            self.tell(PollFailed(eim_id="eim", layer=Layer.TCP, session=self._session))

    # What tests ask

    def made(self, kind: type[Decision]) -> list[tuple[float, Decision]]:
        return [(moment, decision) for moment, decision in self.log if isinstance(decision, kind)]

    def timeline(self) -> str:
        """Switches and decisions, for people."""
        shown = (Commit, Rollback, ExecuteFallback, ReturnFromFallback, EnableProfile, Recover, Report)
        lines = [f"{moment:9.0f}  {decision}" for moment, decision in self.log if isinstance(decision, shown)]
        return "\n".join(lines)


def look(radio: Radio, session: str) -> ProbeResult:
    """What a look through the layers shows."""
    match radio:
        case Radio.FULL:
            return ProbeResult(reached=Layer.EIM, session=session, packets=True, others=True)
        case Radio.WALLED:
            return ProbeResult(reached=Layer.DNS, session=session, packets=True, failure="TCP: timed out")
        case Radio.NO_EIM:
            return ProbeResult(reached=Layer.DNS, session=session, packets=True, others=True, failure="TCP: timed out")
        case Radio.CLOCK:
            return ProbeResult(reached=Layer.TCP, session=session, packets=True, clock=True, failure="not yet valid")
        case _:
            return ProbeResult(reached=Layer.BEARER, session=session, failure="DNS: timed out")
