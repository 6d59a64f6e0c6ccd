"""The composition root: from a configuration to an agent that serves the eIMs of one eUICC. Everything meets here."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ipad.bearer.backend import make_backend
from ipad.board import Board
from ipad.clock import Clock
from ipad.codec.euicc_info import DeviceInfo
from ipad.config import Config
from ipad.daemon.agent import LocalAgent, Surroundings
from ipad.daemon.begun_rung import BegunRung
from ipad.daemon.bindings import EimMemory, JournalKnowledge, Minimizer, coaps_available
from ipad.daemon.card_access import CardAccess, open_card
from ipad.daemon.card_lock import serving_alone
from ipad.daemon.connector import ConfiguredConnector
from ipad.daemon.device_info import device_info
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.lookout import Lookout
from ipad.daemon.guard.observation import Observation
from ipad.daemon.link import board_library, configured, open_modem
from ipad.daemon.radio_events import technologies
from ipad.daemon.rsp_connector import (
    ConfiguredRspConnector,
    download_settings,
    injected_over,
    ipa_capabilities,
)
from ipad.errors import PortError, RefusedError
from ipad.ids import Eid
from ipad.modem.hook import BoardHook
from ipad.modem.modem import Modem
from ipad.modem.recovery import SimRecovery
from ipad.net.counters import UsageLedger
from ipad.net.known_time import RELEASED, KnownTime
from ipad.net.resolver import HOST, Resolver
from ipad.policy.events import Boot
from ipad.policy.events import EuiccKind as PolicyKind
from ipad.policy.limits import Limits, Timers
from ipad.policy.schedule import Schedule
from ipad.procedures.context import EimConnections, Ipa, Session
from ipad.procedures.observer import Unobserved
from ipad.procedures.progress import ProgressEvent, ProgressListener, Stage
from ipad.procedures.start import EuiccFacts, EuiccKind, agreed, read_eid_again
from ipad.records import replace
from ipad.state.journal import Journal, Origin
from ipad.state.store import StateStore

if TYPE_CHECKING:
    from ipad.daemon.guard.looks import Aim, EimLooks
    from ipad.net.probe import PathProbe

logger = logging.getLogger(__name__)


class AgentFactory:
    """Opens the configured eUICC with everything round it, as often as it is lost.

    `announce`: the process began with the device, so each eIM is told once that the state is unknown (SGP.32 3.8.2).
    `progress` is told of profile downloads; without it they are logged. `guard` looks after the device while it is
    open; without one a command of a person acts alone.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        announce: bool = False,
        progress: ProgressListener | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._announce = announce
        self._progress = progress or log_progress
        self._guard = guard
        self._sessions: dict[Eid, Session] = {}
        self._recorder = None if guard is None else guard.recorder
        self._eim_memory = EimMemory(tap=None if self._recorder is None else self._recorder.tap)
        if self._recorder is not None and self._recorder.observer is not None:
            self._recorder.observer.sources.usage = self.usage.snapshot
            self._progress = _both(self._recorder.observer.progress, self._progress)
        self._board: Board | None = None
        self._unreliable: set[int] = set()  # rates of a UART that turned out to be of no use
        self._modem: Modem | None = None
        self._begun: BegunRung | None = None
        self.pulse: Callable[[], None] = lambda: None
        """Called when an exchange with the eUICC has ended: a sign of life of whoever works with it."""
        if guard is not None:
            guard.rescue = self.rescue

    @property
    def usage(self) -> UsageLedger:
        """What each eIM, SM-DP+ and SM-DS cost since the process began, by procedure."""
        return self._eim_memory.usage

    def adopt(self, config: Config) -> None:
        """What is opened from now on is opened as this configuration says."""
        self._config = config
        self._board = None

    def late(self, now: float) -> str | None:
        """What the AT line should have ended by a monotonic moment; None while nothing hangs there."""
        return None if self._modem is None else self._modem.port.late(now)

    @asynccontextmanager
    async def open(self, *, only_iot: bool = True) -> AsyncIterator[LocalAgent]:
        """An agent for as long as the context lasts; in the end all that was opened is closed.

        Raises UsageError, ConfigError, PortError, CardError, StateError, and RefusedError for a consumer eUICC unless
        `only_iot` is false.
        """
        async with AsyncExitStack() as stack:
            card = await stack.enter_async_context(self._opened())
            around = await self._around(card, stack)
            facts = await card.facts()
            self._check_kind(facts, only_iot=only_iot)
            stack.enter_context(serving_alone(facts.eid, self._config.state.directory))
            journal = await self._journal(card, facts.eid)
            if self._guard is not None:
                self._guard.meet(facts.eid)
            await self._introduce(card, facts)
            announce = self._announce and facts.eid not in self._sessions
            ipa, around = await self._assemble(card, facts, around, journal)
            stack.push_async_callback(ipa.eims.close_all)
            agent = LocalAgent(facts, ipa, around, announce=announce)
            if self._guard is not None:
                await stack.enter_async_context(self._guard.looking_after(agent))
            yield agent

    async def rescue(self, rung: str) -> None:
        """Climb one rung of the board's ladder while nothing is open. Raises ConfigError, PortError."""
        modem_config = self._config.modem()
        if modem_config.reader is not None:
            raise PortError("the card sits in a reader: there is no modem to recover")
        try:
            async with (
                open_modem(modem_config, board_library(), self._clock, self._unreliable) as modem,
                self._owing(modem),
            ):
                await SimRecovery(modem).climb(rung)
        except PortError:
            if rung not in ("power", "hook") or self._board is None:
                raise
            hook = BoardHook(self._board, self._clock)
            await (hook.power_cycle() if rung == "power" else hook.reset())

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[CardAccess]:
        """The way to the card; a guard hears when there is none."""
        stack = AsyncExitStack()
        tap = None if self._recorder is None else self._recorder.tap
        try:
            card = await stack.enter_async_context(
                open_card(self._config, self._clock, tap, self.pulse, self._unreliable)
            )
        except PortError:
            if self._guard is not None:
                self._guard.begin(self._described(None))
                self._guard.lost_port()
            raise
        async with stack:
            self._modem = card.modem
            try:
                async with self._owing(card.modem):
                    yield card
            finally:
                self._modem = None

    @asynccontextmanager
    async def _owing(self, modem: Modem | None) -> AsyncIterator[None]:
        """Switch on what the agent left switched off, and remember when it leaves it so again. Raises PortError."""
        if modem is None:
            yield
            return
        if self._begun is None:
            suspected = self._guard is not None and (self._guard.on_trial or self._guard.busy)
            self._begun = BegunRung(self._store(self._config.rung_file), suspected=suspected)
        modem.begun, modem.keep_begun = self._begun.read(), self._begun.keep
        if modem.begun:
            logger.warning("%s: what rung %s may have left off is switched on", modem.port.name, modem.begun)
            await SimRecovery(modem).switch_on()
        yield

    def _described(self, modem: Modem | None) -> Boot:
        """The device as policy is told it: what is open, else what the configuration says."""
        config = self._config.modem()
        if config.reader is not None:
            return Boot(radio=False, bearers=False)
        if modem is not None:
            self._board = modem.board
        elif self._board is None and config.board:
            self._board = configured(board_library().load(config.board), config)
        if self._board is None:
            return Boot()
        return Boot(technologies=technologies(self._board), rungs=tuple(self._board.refresh.ladder))

    async def _around(self, card: CardAccess, stack: AsyncExitStack) -> Surroundings:
        """Everything that looks after the device, from before the eUICC is read: it may be the modem that ails."""
        guard, config = self._guard, self._config
        if guard is None:
            return Surroundings(usage=self.usage, modem=card.modem, card=card)
        guard.begin(self._described(card.modem))
        bearer = make_backend(config.bearer, card.modem, self._clock, config.net.interface)
        stack.push_async_callback(bearer.close)
        lookout = None
        if card.modem is not None:
            lookout = Lookout(card.modem, bearer, self._clock, guard)
            await stack.enter_async_context(lookout.watching())
        return Surroundings(
            usage=self.usage,
            bearer=bearer,
            bearer_config=config.bearer,
            modem=card.modem,
            lookout=lookout,
            observation=Observation(guard, bearer, lookout),
            recorder=self._recorder,
            card=card,
        )

    async def _journal(self, card: CardAccess, eid: Eid) -> Journal:
        """What must survive. Raises StateError, and CardError for an EID that the eUICC does not repeat."""
        recorder = self._recorder
        journal = Journal.open(self._store(self._config.journal_file), eid)
        if journal.origin is Origin.OTHER_EUICC:
            # Before what is known of another eUICC is given up.
            agreed(eid, await read_eid_again(card.euicc))
        if journal.notice is not None:
            logger.warning("%s", journal.notice)
        if recorder is not None:
            recorder.keep_counters_in(journal)
        return journal

    def _store(self, file: Path) -> StateStore:
        """A state file whose writes are counted where somebody counts."""
        return StateStore(file) if self._recorder is None else StateStore(file, written=self._recorder.writes.wrote)

    async def _introduce(self, card: CardAccess, facts: EuiccFacts) -> None:
        """Tell the recorder which modem and which eUICC this is."""
        recorder = self._recorder
        if recorder is None:
            return
        recorder.card_opened(facts.eid, facts.kind.value)
        if recorder.observer is not None:
            from ipad.daemon.modem_facts import device_status  # noqa: PLC0415 - a visit has no status to show

            recorder.observer.modem_read(await device_status(card.modem, self._config.modem().card))

    def _check_kind(self, facts: EuiccFacts, *, only_iot: bool) -> None:
        """A consumer eUICC is served only where its policy says that it is one. Raises RefusedError."""
        if only_iot and facts.kind is not EuiccKind.IOT:
            check_consumer(self._guard)

    async def _assemble(
        self, card: CardAccess, facts: EuiccFacts, around: Surroundings, journal: Journal
    ) -> tuple[Ipa, Surroundings]:
        config = self._config
        known_time = await _known_time(card, journal, self._clock, set_clock=config.clock.set)
        minimizer = Minimizer(facts.eid, JournalKnowledge(journal))
        resolver = _resolver(config, self._clock, card.modem)
        connector = ConfiguredConnector(config, known_time, self._eim_memory, minimizer, resolver=resolver)
        if self._guard is not None:
            around = replace(around, looks=_looks(config, self._clock, card.modem, known_time, connector))
        ipa = Ipa(
            eid=facts.eid,
            euicc=card.euicc,
            eims=EimConnections(connector),
            connectivity=card.connectivity,
            journal=journal,
            clock=self._clock,
            timers=timers(config, patience=card.modem.board.registration.patience if card.modem is not None else 0.0),
            limits=Limits(packages_per_run=config.esipa.packages_per_run),
            device_info=await _device_info(card),
            strict_tag_list=config.esipa.tag_list == "strict",
            refresh_flag=card.modem.board.refresh.refresh_flag if card.modem is not None else True,
            session=self._sessions.setdefault(facts.eid, Session()),
            capabilities=ipa_capabilities(
                config.rsp, coaps=coaps_available(), injected_over=injected_over(config.injection)
            ),
            rsp=ConfiguredRspConnector(config, known_time, self.usage, resolver=resolver, tap=self._eim_memory.tap)
            if config.rsp.trusts_servers
            else None,
            download=download_settings(config.rsp),
            progress=self._progress,
            minimized=frozenset(eim_id for eim_id, own in config.eim.items() if own.minimize),
            observer=around.observation or Unobserved(),
        )
        return ipa, around


def _both(first: ProgressListener, second: ProgressListener) -> ProgressListener:
    def tell(event: ProgressEvent) -> None:
        first(event)
        second(event)

    return tell


def check_consumer(guard: Guard | None) -> None:
    """Whether an agent may serve a consumer eUICC. Raises RefusedError."""
    if guard is None or guard.engine.settings.euicc is not PolicyKind.CONSUMER:
        raise RefusedError(
            "this is a consumer eUICC (SGP.22): it knows no eIMs, so there is nothing to poll",
            hint='manage it with ipad profile, or let the agent do so by a policy file with euicc = "consumer"',
        )


def log_progress(event: ProgressEvent) -> None:
    """A line for each stage of a download; how it ends is logged where it ends."""
    if event.stage is not Stage.INSTALLING or event.detail:
        logger.info("profile download: %s, %d %%%s", event.stage, event.percent, event.detail and f", {event.detail}")


def timers(config: Config, *, patience: float = 0.0) -> Timers:
    """The durations that the operator can set, over those of the policy.

    `patience`: the least time, in seconds, that a modem of this kind needs to find a network.
    """
    return Timers(
        delivery_retries=config.esipa.retry_delays,
        first_session=config.timers.first_session,
        new_session=max(config.timers.session, patience),
        poll_interval=config.esipa.poll_interval,
        rsp_retries=config.rsp.retry_delays,
        download_retries=config.rsp.download_retry_delays,
    )


def _looks(
    config: Config, clock: Clock, modem: Modem | None, known_time: KnownTime, connector: ConfiguredConnector
) -> EimLooks:
    from ipad.daemon.guard.looks import EimLooks  # noqa: PLC0415 - only for who looks after a device

    def equip() -> tuple[PathProbe, Aim]:
        from ipad.daemon.probing import make_probe, probe_targets  # noqa: PLC0415 - most days nobody looks

        return make_probe(config, clock, modem, known_time), partial(probe_targets, connector)

    return EimLooks(equip)


def _resolver(config: Config, clock: Clock, modem: Modem | None) -> Resolver:
    """Names are asked for over the cellular interface, or at servers of the operator's, where that is configured."""
    if not config.net.interface and not config.net.dns:
        return HOST
    from ipad.daemon.resolution import make_resolver  # noqa: PLC0415 - most devices leave it to their system

    return make_resolver(config, clock, modem)


def first_schedule(config: Config) -> Schedule:
    """The schedule of a process that has polled nothing yet."""
    return Schedule(timers=timers(config))


async def _known_time(card: CardAccess, journal: Journal, clock: Clock, *, set_clock: bool) -> KnownTime:
    """The time for checking certificates; a clock that was never set is helped by that of the network.

    `set_clock`: the clock itself is set to it, where it shows a time before this software was released.
    """
    saved = float(journal.content.time_floor)
    known_time = KnownTime(clock, saved=saved)
    if card.modem is not None and clock.time() < max(RELEASED, saved):
        try:
            told = await card.modem.network_time()
        except PortError as error:
            logger.warning("the modem does not tell the time: %s", error)
        else:
            if told is not None and known_time.note_network_time(told.timestamp()):
                logger.info("the clock is not set; certificates are checked with the network's time %s", told)
                if set_clock and clock.time() < RELEASED:
                    from ipad.daemon import clock_setting  # noqa: PLC0415 - few devices have no clock at all

                    await clock_setting.set_clock(told)
    return known_time


async def _device_info(card: CardAccess) -> DeviceInfo | None:
    if card.modem is None:
        return None
    try:
        return device_info(await card.modem.device_facts())
    except PortError as error:
        logger.warning("the modem does not tell its IMEI: %s", error)
        return None
