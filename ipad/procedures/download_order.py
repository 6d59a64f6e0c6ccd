"""A download from the order to its result: events of an SM-DS, attempts, journal, enabling (SGP.32 3.2.3, 3.4.4)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import StateChangeCause
from ipad.codec.notification import ProfileInstallationResult
from ipad.errors import (
    CodecError,
    DownloadCheckError,
    EuiccResultError,
    IpadError,
    NetworkError,
    PortError,
    StateError,
    StatusWordError,
)
from ipad.es9.functions import Es9Client
from ipad.policy.events import Origin
from ipad.procedures.certificate_dates import DateCheck
from ipad.procedures.context import Ipa
from ipad.procedures.download_result import error_response, owed_result, settled
from ipad.procedures.download_trigger import Way, read_target
from ipad.procedures.following import follow_switch
from ipad.procedures.immediate_enabling import enable_immediately
from ipad.procedures.installation_result import highest_number, installation_error, installed_iccid
from ipad.procedures.mutual_authentication import RspTarget
from ipad.procedures.observer import Switch
from ipad.procedures.patient_server import PatientServer, answer_was_lost
from ipad.procedures.profile_checks import ProfileRules
from ipad.procedures.profile_download import Download
from ipad.procedures.progress import Stage, entered
from ipad.procedures.report import DownloadReport
from ipad.procedures.rsp_server import DirectServer, Redirection, RelayedServer, RspServer
from ipad.procedures.stored_results import read_enabled_profile
from ipad.records import dataclass, replace
from ipad.state.journal import DownloadMarker, EnabledProfile, UndeliveredResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DownloadOrder:
    """Who wants what on which way. `eim` is None for a local user.

    `as_notification`: the eIM is told the result by HandleNotification, as it injected the order (SGP.32 5.14.4).
    """

    target: RspTarget
    way: Way
    eim: EimConfigurationData | None = None
    eim_transaction_id: bytes | None = None
    confirmation_code: str | None = None
    as_notification: bool = False


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A download that has ended, and what the eIM is owed for it; the journal has it already."""

    report: DownloadReport
    owed: UndeliveredResult | None


async def carry_out(ipa: Ipa, order: DownloadOrder) -> tuple[Settled, ...]:
    """Download what the order asks for; an SM-DS may make several downloads of it, one after the other.

    One that ends with another profile enabled is the last: its bearer has to come up first.
    Every end is durable in the journal before this returns. Raises PortError and StateError, after which
    `resume_download` finds out what became of the download.
    """
    waiting = [order]
    known = {_key(order.target)}
    ended: list[Settled] = []
    while waiting:
        current = waiting.pop(0)
        work = _Work(ipa, current)
        further = await work.run()
        for target in further or ():
            if _key(target) not in known and len(known) <= ipa.limits.events:
                known.add(_key(target))
                waiting.append(replace(current, target=target))
        if work.settled is not None:
            ended.append(work.settled)
            if work.settled.report.enabled:
                break
        elif not waiting and not ended:
            nothing = DownloadCheckError(f"{current.target.place} has no event for this eUICC")
            ended.append(await work.fail(nothing))
    return tuple(ended)


def _key(target: RspTarget) -> tuple[str | None, str]:
    return (target.address.lower() if target.address is not None else None, target.matching_id)


class _Work:
    """One order without its consequences. `settled` is there once it has ended here."""

    def __init__(self, ipa: Ipa, order: DownloadOrder) -> None:
        self._ipa = ipa
        self._order = order
        self._marker: DownloadMarker | None = None
        self.settled: Settled | None = None

    async def run(self) -> Sequence[RspTarget] | None:
        """Targets to go on with, or None when the download has ended here."""
        await self._begin()
        try:
            server = self._server()
            try:
                outcome = await self._attempts(server)
            finally:
                await server.close()
            if isinstance(outcome, Redirection):
                return await self._redirected(outcome)
        except (PortError, StateError):
            raise
        except IpadError as error:
            self.settled = await self.fail(error)
            return None
        self.settled = await self._installed(outcome)
        return None

    async def fail(self, error: IpadError) -> Settled:
        """End the download with an error."""
        log.warning("the profile download failed: %s", error)
        # What it was begun with may have been misread: the next one asks the eUICC itself.
        self._ipa.euicc.forget()
        self._ipa.progress(entered(Stage.FAILED, str(error)))
        return await self._settle(
            DownloadReport(
                address=self._order.target.address,
                direct=self._order.way is Way.DIRECT,
                error=error,
                error_response=error_response(error),
            )
        )

    async def _begin(self) -> None:
        order, eim = self._order, self._order.eim
        self._marker = DownloadMarker(
            eim_id=None if eim is None else eim.eim_id,
            eim_configuration=None if eim is None else eim.encode(),
            eim_transaction_id=order.eim_transaction_id,
            direct=order.way is Way.DIRECT,
            number_before=await self._highest_number(),
            as_notification=order.as_notification,
        )
        await self._ipa.journal.commit(replace(self._ipa.journal.content, download=self._marker))

    async def _highest_number(self) -> int | None:
        try:
            return await highest_number(self._ipa.euicc)
        except (StatusWordError, CodecError, EuiccResultError) as error:
            log.warning("the notifications of the eUICC cannot be read: %s", error)
            return None

    async def _before_loading(self, transaction_id: bytes) -> None:
        assert self._marker is not None
        self._marker = replace(self._marker, transaction_id=transaction_id)
        await self._ipa.journal.commit(replace(self._ipa.journal.content, download=self._marker))

    def _server(self) -> RspServer:
        """The server on the way of the order. Raises DownloadCheckError for an address that is none."""
        ipa, order = self._ipa, self._order
        server: RspServer
        if order.way is Way.DIRECT:
            assert ipa.rsp is not None
            assert order.target.address is not None
            try:
                server = DirectServer(Es9Client(ipa.rsp.connect(order.target.address)))
            except CodecError as error:
                raise DownloadCheckError(str(error)) from error
        else:
            assert order.eim is not None
            server = RelayedServer(ipa.eims.to(order.eim), order.eim_transaction_id)
        return PatientServer(server, ipa.clock, ipa.timers.rsp_retries)

    async def _attempts(self, server: RspServer) -> ProfileInstallationResult | Redirection:
        """Begin again from the start when the connection was lost; the SM-DP+ then binds to the same key."""
        for pause in self._ipa.timers.download_retries:
            download = self._download(server, retry_follows=True)
            session = await download.authenticate()
            try:
                return await download.complete(session)
            except NetworkError as error:
                if not answer_was_lost(error):
                    raise
                log.warning("the download is begun again in %g s: %s", pause, error)
            await self._ipa.clock.sleep(pause)
        download = self._download(server, retry_follows=False)
        return await download.complete(await download.authenticate())

    def _download(self, server: RspServer, *, retry_follows: bool) -> Download:
        ipa, order = self._ipa, self._order
        assert self._marker is not None
        return Download(
            euicc=ipa.euicc,
            server=server,
            target=order.target,
            dates=DateCheck(ipa.download.clock_policy, ipa.clock.time()),
            before_loading=self._before_loading,
            rules=ProfileRules(
                check_metadata=order.way is Way.DIRECT or not ipa.eim_checks_metadata, consent=ipa.download.consent
            ),
            device_info=ipa.device_info,
            confirmation_code=order.confirmation_code,
            number_before=self._marker.number_before,
            progress=ipa.progress,
            retry_follows=retry_follows,
        )

    async def _redirected(self, outcome: Redirection) -> Sequence[RspTarget] | None:
        levels = self._order.target.smds_levels - 1
        if outcome.trigger is not None:
            target = await read_target(self._ipa.euicc, outcome.trigger.profile_download_data, levels)
            targets = [target]
        else:
            targets = [
                RspTarget(address=event.rsp_server_address, matching_id=event.event_id, smds_levels=levels)
                for event in outcome.events
            ]
        if targets and levels < 0:
            raise DownloadCheckError(f"{self._order.target.place}: too many SM-DSs refer to one another")
        return targets

    async def _installed(self, result: ProfileInstallationResult) -> Settled:
        error = installation_error(result)
        report = DownloadReport(
            address=self._order.target.address,
            direct=self._order.way is Way.DIRECT,
            installation=result,
            error=error,
        )
        if error is not None:
            log.warning("the profile was not installed: %s", error)
            self._ipa.progress(entered(Stage.FAILED, str(error)))
        elif self._order.target.default_smdp:
            return await self._enabled(report)
        return await self._settle(report)

    async def _enabled(self, report: DownloadReport) -> Settled:
        """Immediate Profile Enabling comes before any result is sent (SGP.32 3.4.4)."""
        ipa = self._ipa
        try:
            eims = await ipa.euicc.get_eim_configuration_data()
        except (StatusWordError, CodecError, EuiccResultError) as error:
            log.debug("the eUICC has no eIMs, so no Immediate Profile Enabling: %s", error)
            return await self._settle(report)
        assert report.installation is not None
        iccid = installed_iccid(report.installation)
        previous = (await read_enabled_profile(ipa.euicc, ecall_supported=ipa.session.ecall_supported)).iccid
        ipa.progress(entered(Stage.ENABLING))
        if not await enable_immediately(ipa, iccid):
            return await self._settle(report)
        ipa.observer.switched(Switch(origin=Origin.IMMEDIATE, iccid=iccid, previous=previous))
        causes = dict.fromkeys((eim.eim_id for eim in eims), StateChangeCause.IMMEDIATE_ENABLE_PROFILE)
        ended = await self._settle(replace(report, enabled=True), EnabledProfile(iccid=iccid), causes)
        await follow_switch(ipa, iccid)
        return ended

    async def _settle(
        self,
        report: DownloadReport,
        enabled: EnabledProfile | None = None,
        causes: dict[str, StateChangeCause] | None = None,
    ) -> Settled:
        assert self._marker is not None
        content = settled(self._ipa, self._ipa.journal.content, self._marker, report)
        if enabled is not None:
            content = replace(content, enabled=enabled, notify={**content.notify, **(causes or {})})
        await self._ipa.journal.commit(content)
        return Settled(report=report, owed=owed_result(self._marker, report))
