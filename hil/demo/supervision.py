"""Never stranded: a profile without service is left again, and so is a home network that dies, until it is back.

The agent runs as the process that stays, under a policy of seconds where a fleet has minutes and hours. Nothing is
asked of it meanwhile: all it gets is a package of its eIM, and what the networks do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from hil.agent_log import Entry
from hil.demo.agent import Agent, AgentRun, Daemon
from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from hil.eim.history import Record, RecordKind
from hil.euicc.card import ProfileView
from hil.euicc.identifiers import plmn_octets
from hil.network import Service
from hil.rig import FIRST_EIM, Rig
from hil.rig.timeline import Interface
from hil.waiting import until

POLICY: Final = """\
# Seconds in place of minutes and hours: the demo has no time to lose.
[supervision]
registration = 4
deadline = 6
reject_hold = 1
probe_first = 1

[fallback]
loss_time = 4
spread = 0
ladder_time = 0
return_first = 8
return_minimum = 8

[poll]
boot_spread = 0
early_interval = 1
per_day = 1440
"""

FALLBACK_CAUSE: Final = 1
"""stateChangeCause of the fallback mechanism (SGP.32 5.14.5)."""
EXPECTED: Final = ("rollback", "execute-fallback", "return-from-fallback")
"""The switches of the chapter, as the agent's log names what it decided."""
_SWITCHED: Final = frozenset(EXPECTED)
_PATIENCE: Final = 45.0
_LOOK: Final = 0.05


@dataclass(frozen=True)
class Telling:
    """Something of the chapter for the reader: seconds on the timeline of the rig, who, what."""

    seconds: float
    who: str
    text: str


class NotSeenError(Exception):
    """What the chapter waited for did not come; the message names it."""


class Supervision:
    """The chapter. It begins with the profile `home` enabled, and another one that its eIM can switch to."""

    def __init__(self, rig: Rig, agent: Agent, home: str, other: str, fallback: str) -> None:
        self._rig = rig
        self._agent = agent
        self._home, self._other, self._fallback = home, other, fallback
        self._core = rig.eim(FIRST_EIM).core
        self._records: list[tuple[float, Record]] = []
        self._began = rig.clock.monotonic()
        self._event = rig.timeline.last_number
        self._package: Package | None = None
        self._missing = ""

    async def play(self) -> AgentRun:
        """All of it; how the agent ended. What went wrong is in `failures`."""
        self._agent.follow(POLICY)
        self._core.subscribe(self._note)
        async with self._agent.daemon() as daemon:
            try:
                await self._switch_to_nothing(daemon)
                await self._home_network_dies(daemon)
                await self._see(daemon, "an empty card", self._nothing_waits)
            except NotSeenError as error:
                self._missing = str(error)
            return await daemon.stop()

    async def _switch_to_nothing(self, daemon: Daemon) -> None:
        with self._without_service(self._other):
            order = content.psmo_package(content.enable(self._other, rollback=True))
            package = self._package = self._core.queue(self._rig.eid, order)
            self._tell(f"the eIM wants a profile that has no service here: {order.label}")
            await self._see(daemon, "the result of the rollback", lambda: package.state is PackageState.CLOSED)

    async def _home_network_dies(self, daemon: Daemon) -> None:
        with self._without_service(self._home):
            await self._see(daemon, "an eIM that hears of the fallback", lambda: self._told(self._fallback))
        await self._see(daemon, "an eIM that hears of the return", lambda: self._told(self._home))

    @contextmanager
    def _without_service(self, iccid: str) -> Iterator[None]:
        """No network has coverage for a profile as long as the context lasts."""
        imsi = self._profile(iccid).imsi
        self._tell(f"no network has coverage for IMSI {imsi}")
        self._rig.network.set_service(Service(coverage=False), imsi=imsi)
        try:
            yield
        finally:
            self._tell(f"there is coverage for IMSI {imsi} again")
            self._rig.network.drop_service(imsi=imsi)

    async def _see(self, daemon: Daemon, what: str, happened: Callable[[], bool]) -> None:
        """Wait for it. Raises NotSeenError when the agent ended, or after 45 seconds."""
        await until(lambda: happened() or daemon.ended, self._rig.clock, _LOOK, within=_PATIENCE)
        if not happened():
            raise NotSeenError(f"{what} was waited for{', and the agent ended' if daemon.ended else ''}")

    # What is seen

    def _note(self, record: Record) -> None:
        self._records.append((self._rig.clock.monotonic() - self._rig.timeline.began, record))

    def _tell(self, text: str) -> None:
        self._rig.timeline.note(Interface.BENCH, "", text)

    def _profile(self, iccid: str) -> ProfileView:
        return next(profile for profile in self._rig.card.profiles if profile.iccid == iccid)

    def _told(self, iccid: str) -> bool:
        """Whether the eIM heard of the fallback mechanism from the network of a profile, which is enabled."""
        profile = self._profile(iccid)
        network = plmn_octets(profile.plmn).hex().upper()
        heard = [record.details for _, record in self._records if record.kind is RecordKind.POLL]
        return profile.enabled and {"cause": FALLBACK_CAUSE, "rPLMN": network} in heard

    def _nothing_waits(self) -> bool:
        state = self._rig.card.engine.state
        return not state.results and not state.notifications

    @property
    def _decisions(self) -> list[Entry]:
        return [entry for entry in self._agent.log.entries(self._began) if entry.decision]

    # What is told

    def story(self) -> list[str]:
        """One line for each thing that happened, in the order of time."""
        tellings = [*self._from_rig(), *self._from_eim(), *self._from_agent()]
        return [f"  {item.seconds:8.3f}  {item.who:<5} {item.text}" for item in sorted(tellings, key=_moment)]

    def _from_rig(self) -> Iterator[Telling]:
        names = {Interface.BENCH: "world", Interface.CARD: "card", Interface.RADIO: "radio"}
        for event in self._rig.timeline.events(self._event):
            if event.interface in names:
                yield Telling(event.seconds, names[event.interface], event.text)

    def _from_eim(self) -> Iterator[Telling]:
        for seconds, record in self._records:
            if record.kind is RecordKind.POLL:
                network = record.details["rPLMN"]
                yield Telling(seconds, "eIM", f"hears: {record.summary}{f', rPLMN {network}' if network else ''}")
            elif record.kind is not RecordKind.ACKNOWLEDGED:
                verified = ", verified" if record.checks and record.verified else ""
                yield Telling(seconds, "eIM", f"{record.kind.value}: {record.summary}{verified}")

    def _from_agent(self) -> Iterator[Telling]:
        for entry in self._decisions:
            if entry.name in _SWITCHED:
                yield Telling(self._on_rig(entry), "agent", f"{entry.name.upper()}: {entry.text('reason')}")
            elif entry.name == "commit":
                yield Telling(self._on_rig(entry), "agent", f"commit: {entry.text('iccid')} has proven itself")
            elif entry.name == "report":
                yield Telling(self._on_rig(entry), "agent", entry.text("text"))

    def _on_rig(self, entry: Entry) -> float:
        return entry.seconds - self._rig.timeline.began

    # What must have come of it

    def failures(self) -> list[str]:
        """Everything that is not as the chapter promises; empty when all is well."""
        found = [self._missing] if self._missing else []
        package = self._package
        if package is None or (package.state, package.outcome) != (PackageState.CLOSED, Outcome.ROLLED_BACK):
            found.append(f"the switch without service: {package and package.outcome}, expected {Outcome.ROLLED_BACK}")
        results = [record for _, record in self._records if record.kind is RecordKind.RESULT and record.news]
        if len(results) != 1 or not results[0].checks or not results[0].verified:
            found.append(f"{len(results)} results of the switch without service, expected 1 that is verified")
        found += [
            f"{record.function}: {record.summary}: {check.name} {check.detail}"
            for _, record in self._records
            for check in record.checks
            if check.passed is False
        ]
        switches = [entry.name for entry in self._decisions if entry.name in _SWITCHED]
        if switches != list(EXPECTED):
            found.append(f"the agent decided {', '.join(switches) or 'nothing'}, expected {', '.join(EXPECTED)}")
        return [*found, *self._end()]

    def _end(self) -> list[str]:
        """How the device was left."""
        found = []
        if not self._profile(self._home).enabled:
            found.append(f"profile {self._home} is not enabled at the end")
        if not self._rig.bearer:
            found.append("the modem has no bearer at the end")
        if not self._nothing_waits():
            found.append("results or notifications were not removed from the card")
        return found


def _moment(telling: Telling) -> float:
    return telling.seconds
