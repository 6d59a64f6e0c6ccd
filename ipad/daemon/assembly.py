"""The composition root: from a configuration to an agent that serves the eIMs of one eUICC. Everything meets here."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ipad.clock import Clock
from ipad.codec.euicc_info import DeviceInfo
from ipad.config import Config
from ipad.daemon.bindings import EimMemory, JournalKnowledge, Minimizer
from ipad.daemon.card_access import CardAccess, open_card
from ipad.daemon.connector import ConfiguredConnector
from ipad.daemon.device_info import device_info
from ipad.daemon.rsp_connector import ConfiguredRspConnector, download_settings, ipa_capabilities
from ipad.errors import PortError, RefusedError
from ipad.ids import Eid
from ipad.net.counters import UsageLedger
from ipad.net.known_time import RELEASED, KnownTime
from ipad.policy.limits import Limits, Timers
from ipad.policy.schedule import Schedule
from ipad.procedures.context import EimConnections, Ipa, Session
from ipad.procedures.eim_configuration import read_eims
from ipad.procedures.mutual_authentication import RspTarget
from ipad.procedures.notification import deliver_notifications
from ipad.procedures.notification_receivers import deliver_to_receivers
from ipad.procedures.progress import ProgressEvent, ProgressListener, Stage
from ipad.procedures.report import DownloadReport, NotificationReport, RunReport
from ipad.procedures.retrieval import run
from ipad.procedures.start import EuiccFacts, EuiccKind, split_eims, start_up
from ipad.procedures.stored_results import metadata_of, pending_notifications
from ipad.state.journal import Journal
from ipad.state.store import StateStore

logger = logging.getLogger(__name__)


class LocalAgent:
    """The agent of the eUICC that this process has opened."""

    def __init__(self, facts: EuiccFacts, ipa: Ipa, *, announce: bool) -> None:
        self._facts = facts
        self._ipa = ipa
        self._announce = announce
        self._pollable: tuple[str, ...] = ()

    async def start(self) -> Sequence[str]:
        """Compare eUICC and journal (SGP.32 3.8.2); the eIMs that can be polled. Raises what the ports raise."""
        report = await start_up(self._ipa, facts=self._facts, announce=self._announce)
        self._pollable = tuple(eim.eim_id for eim in report.usable)
        return self._pollable

    async def poll(self, eim_ids: Sequence[str]) -> RunReport:
        """One run (SGP.32 3.1.1.1). Raises CardError, PortError, StateError."""
        report = await run(self._ipa, eim_ids)
        if any(package.eims_changed for package in report.packages):
            await self._read_pollable()
        return report

    def pollable(self) -> Sequence[str]:
        """The eIMs that can be polled."""
        return self._pollable

    async def rest(self) -> None:
        """Close the connections and the channel; the port stays ours."""
        await self._ipa.eims.close_all()
        await self._ipa.euicc.close()

    async def send_notifications(self) -> NotificationReport:
        """Hand every pending notification to the first eIM that takes it, due or not (SGP.32 3.7).

        Results of direct downloads go to their SM-DP+, and so does everything where no eIM takes it.
        """
        await self.start()
        waiting = [metadata_of(item) for item in await pending_notifications(self._ipa.euicc)]
        numbers = {metadata.seq_number for metadata in waiting if metadata is not None}
        report = NotificationReport(waiting=len(numbers))
        taken = False
        try:
            for eim in split_eims(await read_eims(self._ipa.euicc, self._ipa.journal), self._ipa.eims)[0]:
                report = await deliver_notifications(self._ipa, eim, only=numbers)
                taken = report.network_error is None
                if taken:
                    break
            direct = await deliver_to_receivers(self._ipa, only_owed=taken, only=numbers)
        finally:
            await self._ipa.eims.close_all()
        sent, refused = (*report.sent, *direct.sent), (*report.refused, *direct.refused)
        failure = direct.network_error or (report.network_error if not direct.sent else None)
        return NotificationReport(sent=sent, refused=refused, waiting=len(numbers) - len(sent), network_error=failure)

    async def download(self, target: RspTarget, confirmation_code: str | None = None) -> tuple[DownloadReport, ...]:
        """Download for a local user (SGP.32 3.2.3); on a consumer eUICC as well (SGP.22 3.1.3).

        Raises RefusedError without trusted RSP servers, and what the ports raise; a failed download is a report.
        """
        from ipad.procedures.triggered_download import download_locally  # noqa: PLC0415 - seldom needed

        forwarded = False
        if self._facts.kind is EuiccKind.IOT:
            forwarded = bool(await self.start())
        return await download_locally(self._ipa, target, confirmation_code, all_notifications=not forwarded)

    async def target(self, smds_address: str | None = None, *, discover: bool = False) -> RspTarget:
        """The default SM-DP+ of the eUICC, or the SM-DS. Raises DownloadCheckError when it has none."""
        from ipad.procedures.triggered_download import local_target  # noqa: PLC0415 - seldom needed

        return await local_target(self._ipa, smds_address, discover=discover)

    async def _read_pollable(self) -> None:
        eims = await read_eims(self._ipa.euicc, self._ipa.journal)
        self._pollable = tuple(eim.eim_id for eim in split_eims(eims, self._ipa.eims)[0])


class AgentFactory:
    """Opens the configured eUICC with everything round it, as often as it is lost.

    `announce`: the process began with the device, so each eIM is told once that the state is unknown (SGP.32 3.8.2).
    `progress` is told of profile downloads; without it they are logged.
    """

    def __init__(
        self, config: Config, clock: Clock, *, announce: bool = False, progress: ProgressListener | None = None
    ) -> None:
        self._config = config
        self._clock = clock
        self._announce = announce
        self._progress = progress or log_progress
        self._sessions: dict[Eid, Session] = {}
        self._eim_memory = EimMemory()

    @property
    def usage(self) -> UsageLedger:
        """What each eIM cost since the process began, by procedure."""
        return self._eim_memory.usage

    @asynccontextmanager
    async def open(self, *, only_iot: bool = True) -> AsyncIterator[LocalAgent]:
        """An agent for as long as the context lasts; in the end all that was opened is closed.

        Raises UsageError, ConfigError, PortError, CardError, StateError, and RefusedError for a consumer eUICC unless
        `only_iot` is false.
        """
        async with open_card(self._config, self._clock) as card:
            facts = await card.facts()
            if only_iot and facts.kind is not EuiccKind.IOT:
                raise RefusedError(
                    "this is a consumer eUICC (SGP.22): it knows no eIMs, so there is nothing to poll",
                    hint="manage it with: ipad profile",
                )
            announce = self._announce and facts.eid not in self._sessions
            ipa = await self._assemble(card, facts)
            try:
                yield LocalAgent(facts, ipa, announce=announce)
            finally:
                await ipa.eims.close_all()

    async def _assemble(self, card: CardAccess, facts: EuiccFacts) -> Ipa:
        config = self._config
        journal = Journal.open(StateStore(config.journal_file), facts.eid)
        if journal.notice is not None:
            logger.warning("%s", journal.notice)
        known_time = await _known_time(card, journal, self._clock)
        minimizer = Minimizer(facts.eid, JournalKnowledge(journal))
        return Ipa(
            eid=facts.eid,
            euicc=card.euicc,
            eims=EimConnections(ConfiguredConnector(config, known_time, self._eim_memory, minimizer)),
            connectivity=card.connectivity,
            journal=journal,
            clock=self._clock,
            timers=timers(config, patience=card.modem.board.registration.patience if card.modem is not None else 0.0),
            limits=Limits(packages_per_run=config.esipa.packages_per_run),
            device_info=await _device_info(card),
            strict_tag_list=config.esipa.tag_list == "strict",
            refresh_flag=card.modem.board.refresh.refresh_flag if card.modem is not None else True,
            session=self._sessions.setdefault(facts.eid, Session()),
            capabilities=ipa_capabilities(config.rsp),
            rsp=ConfiguredRspConnector(config, known_time) if config.rsp.trusts_servers else None,
            download=download_settings(config.rsp),
            progress=self._progress,
            minimized=frozenset(eim_id for eim_id, own in config.eim.items() if own.minimize),
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
        new_session=max(config.timers.session, patience),
        poll_interval=config.esipa.poll_interval,
        rsp_retries=config.rsp.retry_delays,
        download_retries=config.rsp.download_retry_delays,
    )


def first_schedule(config: Config) -> Schedule:
    """The schedule of a process that has polled nothing yet."""
    return Schedule(timers=timers(config))


async def _known_time(card: CardAccess, journal: Journal, clock: Clock) -> KnownTime:
    """The time for checking certificates; a clock that was never set is helped by that of the network."""
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
    return known_time


async def _device_info(card: CardAccess) -> DeviceInfo | None:
    if card.modem is None:
        return None
    try:
        return device_info(await card.modem.device_facts())
    except PortError as error:
        logger.warning("the modem does not tell its IMEI: %s", error)
        return None
