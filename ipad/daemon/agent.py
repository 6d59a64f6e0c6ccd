"""The agent of one open eUICC: runs over eIMs, downloads, and what policy decides about modem and profiles."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ipad.bearer.apn import choose_apn, of_connectivity_parameters
from ipad.bearer.backend import Apn, BearerBackend, BearerReason, BearerRequest
from ipad.bearer.settings import BearerConfig
from ipad.codec.esipa import StateChangeCause
from ipad.daemon.card_access import CardAccess
from ipad.daemon.guard.lookout import Lookout
from ipad.daemon.guard.observation import Observation
from ipad.daemon.guard.ward import CardView, Sight
from ipad.daemon.recorder import Recorder
from ipad.daemon.usage import log_usage
from ipad.errors import (
    BearerError,
    CardError,
    CodecError,
    EuiccResultError,
    PortError,
    StateError,
)
from ipad.ids import Iccid
from ipad.modem.modem import Modem
from ipad.modem.recovery import SimRecovery
from ipad.net.counters import UsageLedger
from ipad.policy.decisions import Notice
from ipad.policy.events import CardRead, Layer, Origin, Outcome, ProbeResult, ProfileChanged
from ipad.policy.events import EuiccKind as PolicyKind
from ipad.procedures.context import Ipa
from ipad.procedures.eim_configuration import note_memory_reset, read_eims
from ipad.procedures.euicc_package import reconcile, settle
from ipad.procedures.notification import deliver_notifications
from ipad.procedures.report import DownloadReport, NotificationReport, RunReport
from ipad.procedures.retrieval import run
from ipad.procedures.start import EuiccFacts, EuiccKind, split_eims, start_up
from ipad.procedures.stored_results import metadata_of, pending_notifications, read_profiles
from ipad.records import dataclass, field
from ipad.state.journal import Step

if TYPE_CHECKING:  # loaded only where they are needed
    from ipad.daemon.guard.looks import EimLooks
    from ipad.daemon.injection import Injection
    from ipad.procedures.mutual_authentication import RspTarget

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is round the eUICC: `modem` is None for a card in a reader, the rest where nobody looks after the device."""

    usage: UsageLedger
    bearer: BearerBackend | None = None
    bearer_config: BearerConfig = field(default_factory=BearerConfig)
    modem: Modem | None = None
    lookout: Lookout | None = None
    looks: EimLooks | None = None
    observation: Observation | None = None
    recorder: Recorder | None = None
    card: CardAccess | None = None


class LocalAgent:
    """The agent of the eUICC that this process has opened. Satisfies `service.Agent` and `guard.ward.Ward`."""

    def __init__(self, facts: EuiccFacts, ipa: Ipa, around: Surroundings, *, announce: bool) -> None:
        self._facts = facts
        self._ipa = ipa
        self._around = around
        self._announce = announce
        self._pollable: tuple[str, ...] = ()
        self._installed = False
        """Whether there may be a profile whose name is not known."""
        self._request: BearerRequest | None = None
        if around.lookout is not None:
            around.lookout.ask_again = partial(self.bring_up, BearerReason.LOST)

    # Runs

    async def start(self) -> Sequence[str]:
        """Compare eUICC and journal (SGP.32 3.8.2); the eIMs that can be polled. Raises what the ports raise, but
        nothing for a disk that cannot be written."""
        if self._facts.kind is not EuiccKind.IOT:
            return ()
        announce, self._announce = self._announce, False
        await self._read_names(None)
        report = await start_up(self._ipa, facts=self._facts, announce=announce)
        try:
            await reconcile(self._ipa)
        except StateError as error:
            # The next run tries it again, and asks no eIM before. Policy needs the device open all the same.
            logger.warning("what an interrupted package left has to wait: %s", error)
        self._pollable = tuple(eim.eim_id for eim in report.usable)
        if self._around.recorder is not None:
            self._around.recorder.eims_read(report.eims)
        if self._around.looks is not None:
            self._around.looks.aim_at(report.usable)
        return self._pollable

    async def poll(self, eim_ids: Sequence[str]) -> RunReport:
        """One run (SGP.32 3.1.1.1). Raises CardError, PortError, StateError."""
        return await self._observed(lambda: run(self._ipa, eim_ids))

    async def inject(self, injection: Injection) -> RunReport:
        """Serve one injected message (SGP.32 3.1.1.2). Raises CardError, PortError, StateError."""
        from ipad.daemon.injection import serve  # noqa: PLC0415 - only where injection is on

        return await self._observed(lambda: serve(self._ipa, injection))

    async def _observed(self, work: Callable[[], Awaitable[RunReport]]) -> RunReport:
        """A run, with what it cost in the log, and what it changed followed."""
        around = self._around
        if around.observation is not None:
            around.observation.begin_run()
        before = around.usage.snapshot()
        try:
            report = await work()
        finally:
            log_usage(around.usage.snapshot().since(before))
        self._installed |= any(package.download is not None for package in report.packages)
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
        from ipad.procedures.notification_receivers import deliver_to_receivers  # noqa: PLC0415 - seldom needed

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

        forwarded = bool(await self.start())
        self._installed = True
        return await download_locally(self._ipa, target, confirmation_code, all_notifications=not forwarded)

    async def target(self, smds_address: str | None = None, *, discover: bool = False) -> RspTarget:
        """The default SM-DP+ of the eUICC, or the SM-DS. Raises DownloadCheckError when it has none."""
        from ipad.procedures.triggered_download import local_target  # noqa: PLC0415 - seldom needed

        return await local_target(self._ipa, smds_address, discover=discover)

    @property
    def card(self) -> CardAccess:
        """The eUICC and what goes with it, for what a person asks of them."""
        assert self._around.card is not None, "an agent of the factory has a card"
        return self._around.card

    async def note_reset(self) -> None:
        """The memory of the eUICC was reset by hand: the eIMs that are left are told (SGP.32 5.9.5)."""
        if self._facts.kind is EuiccKind.IOT:
            await note_memory_reset(self._ipa.euicc, self._ipa.journal)
            await self._read_pollable()

    async def switch_emergency(self, *, on: bool) -> Outcome:
        """EnableEmergencyProfile, DisableEmergencyProfile (SGP.32 5.9.22, 5.9.23); refused without the function."""
        from ipad.procedures.profile_switch import disable_emergency, enable_emergency  # noqa: PLC0415 - seldom needed

        if not self._facts.ecall_supported:
            return Outcome.REFUSED
        return await (enable_emergency(self._ipa) if on else disable_emergency(self._ipa))

    async def _read_pollable(self) -> None:
        eims = await read_eims(self._ipa.euicc, self._ipa.journal)
        usable = split_eims(eims, self._ipa.eims)[0]
        if self._around.recorder is not None:
            self._around.recorder.eims_read(eims)
        self._pollable = tuple(eim.eim_id for eim in usable)
        if self._around.looks is not None:
            self._around.looks.aim_at(usable)

    # What policy needs

    async def look_at_card(self, *, again: bool = False) -> CardView:
        """The profiles on the eUICC. `again`: read anew, whatever is remembered of them."""
        if again:
            self._ipa.euicc.forget()
        iot = self._facts.kind is EuiccKind.IOT
        if self._installed:
            await self._read_names(None)
        profiles = await read_profiles(self._ipa.euicc, iot=iot)
        await self._read_names(profiles.installed)
        card = CardRead(
            kind=PolicyKind.IOT if iot else PolicyKind.CONSUMER,
            enabled=_text(profiles.enabled),
            installed=tuple(map(str, profiles.installed)),
            fallback=_text(profiles.fallback),
        )
        return CardView(card=card, emergency=profiles.emergency and self._ipa.session.ecall_supported)

    async def _read_names(self, installed: Sequence[Iccid] | None) -> None:
        """For the status, when there are profiles that it does not know; without names it shows ICCIDs.

        `installed`: None while they are not known: a list with names then serves for all else as well.
        """
        recorder, card = self._around.recorder, self._around.card
        if recorder is None or card is None:
            return
        if not (recorder.lacks_names(installed) if installed is not None else self._installed or recorder.nameless):
            return
        self._installed = False
        try:
            recorder.profiles_read(await card.profiles())
        except (CardError, CodecError, EuiccResultError) as error:
            logger.debug("the names of the profiles cannot be read: %s", error)

    def trial(self) -> ProfileChanged | None:
        """The change of profile that an interrupted package left, whose rollback was granted and not decided."""
        content = self._ipa.journal.content
        marker, enabled = content.marker, content.enabled
        if marker is None or marker.step is not Step.RESULT or not marker.rollback_flag or enabled is None:
            return None
        return ProfileChanged(
            origin=Origin.PACKAGE, iccid=_text(enabled.iccid), previous=_text(marker.iccid_before), rollback=True
        )

    async def settle(self) -> None:
        """The profile on trial is kept."""
        await settle(self._ipa)

    async def roll_back(self, former: str | None) -> Outcome:
        """ProfileRollback (SGP.32 5.9.16)."""
        from ipad.procedures.rollback import roll_back  # noqa: PLC0415 - seldom needed

        return await roll_back(self._ipa, _iccid(former))

    async def fall_back(self) -> Outcome:
        """ExecuteFallbackMechanism (SGP.32 5.9.20)."""
        from ipad.procedures.profile_switch import execute_fallback  # noqa: PLC0415 - seldom needed

        return await execute_fallback(self._ipa)

    async def return_back(self, former: str | None) -> Outcome:
        """ReturnFromFallback (SGP.32 5.9.21)."""
        from ipad.procedures.profile_switch import return_from_fallback  # noqa: PLC0415 - seldom needed

        return await return_from_fallback(self._ipa, _iccid(former))

    async def enable(self, iccid: str) -> Outcome:
        """EnableProfile of a consumer eUICC (SGP.22 5.7.16)."""
        from ipad.procedures.profile_switch import enable_locally  # noqa: PLC0415 - seldom needed

        return await enable_locally(self._ipa, Iccid.parse(iccid))

    async def climb(self, rung: str) -> None:
        """One rung of the board's recovery ladder. Raises PortError."""
        if self._around.modem is None:
            raise PortError("the card sits in a reader: there is no modem to recover")
        await self._ipa.euicc.close()
        await SimRecovery(self._around.modem).climb(rung)

    async def bring_up(self, reason: BearerReason) -> None:
        """Ask for the data link of the profile that is enabled now; what goes wrong is logged."""
        bearer = self._around.bearer
        if bearer is None or self._around.modem is None:
            return
        try:
            if self._request is None or reason in (BearerReason.BOOT, BearerReason.PROFILE_CHANGED):
                self._request = await self._describe(reason)
            request = self._request
            await bearer.bring_up(BearerRequest(request.iccid, request.imsi, request.apn, reason))
        except (BearerError, PortError) as error:
            logger.warning("the data link cannot be asked for: %s", error)

    async def look_around(self, *, anew: bool = True) -> None:
        """Read everything that the modem shows, once; unless `anew`, only what was not read yet."""
        if self._around.lookout is not None:
            await self._around.lookout.look(anew=anew)

    async def look_through(self, session: str | None) -> Sight:
        """A look through the layers towards the eIMs."""
        if self._around.looks is None:
            return Sight(result=ProbeResult(reached=Layer.NOTHING, session=session))
        return await self._around.looks.look(session)

    def announce(self, notice: Notice, eim_ids: Sequence[str] | None = None) -> None:
        """Tell eIMs of a state change in their next GetEimPackage, unless they are to be told of another one."""
        for eim_id in self._pollable if eim_ids is None else eim_ids:
            self._ipa.session.announce[eim_id] = StateChangeCause(int(notice))

    async def _describe(self, reason: BearerReason) -> BearerRequest:
        modem = self._around.modem
        assert modem is not None
        if self._around.bearer_config.backend == "none":
            return BearerRequest(None, None, None, reason)
        iccid, imsi = await modem.iccid(), await modem.imsi()
        apn = choose_apn(self._around.bearer_config, iccid, imsi, None)
        if apn is None:
            apn = await self._told_by_profile()
        return BearerRequest(iccid, imsi, apn, reason)

    async def _told_by_profile(self) -> Apn | None:
        """What the enabled profile says of its access point; it may say nothing (SGP.32 5.9.24)."""
        if self._facts.kind is not EuiccKind.IOT:
            return None
        try:
            return of_connectivity_parameters(await self._ipa.euicc.get_connectivity_parameters())
        except (CardError, CodecError, EuiccResultError) as error:
            logger.debug("no connectivity parameters: %s", error)
            return None


def _text(iccid: Iccid | None) -> str | None:
    return None if iccid is None else str(iccid)


def _iccid(text: str | None) -> Iccid | None:
    return None if text is None else Iccid.parse(text)
