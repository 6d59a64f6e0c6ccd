"""Everything that is told about one modem, passed on: to the status, the trail of changes and the journal.

The engine of policy tells events and decisions, the procedures what eIMs order and what came of it, the service how
runs ended. Nobody who tells waits: the trail is written by a task beside the work, and at the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from ipad.codec.eim import EimConfigurationData
from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult
from ipad.codec.profile import ProfileInfo
from ipad.endings import called_off, to_the_end
from ipad.errors import IpadError
from ipad.ids import Eid, Iccid
from ipad.observe.alerts import Alert, alert
from ipad.observe.log_context import CONTEXT, LogContext
from ipad.observe.status import ServiceState
from ipad.observe.tap import TrafficTap
from ipad.observe.writes import WriteCounter
from ipad.policy.decisions import (
    Decision,
    EnableProfile,
    ExecuteFallback,
    Recover,
    ReturnFromFallback,
    Rollback,
)
from ipad.policy.events import ActionResult, CardRead, Event, Origin, Outcome, ProfileChanged
from ipad.procedures.report import PackageKind, PackageReport, RunReport
from ipad.state.journal import Journal

if TYPE_CHECKING:
    from ipad.observe.audit import AuditEntry, AuditTrail  # an idle poll changes nothing
    from ipad.observe.observer import Observer  # a visit has no status to show

logger = logging.getLogger(__name__)

_ALERTS: Final = {Origin.ROLLBACK: Alert.ROLLBACK, Origin.FALLBACK: Alert.FALLBACK}
_LOCAL: Final = (Origin.LOCAL, Origin.EMERGENCY)


class Recorder:
    """One modem. Satisfies `guard.engine.EventSink`.

    `observer` keeps the status, where somebody may ask for it, `writes` counts what goes to flash, at `tap` traffic can
    be recorded. `asked_by` is the local user whose errand is under way, as `who` in the trail: what it changes is
    recorded by whoever runs it.
    """

    def __init__(self, modem: str, make_trail: Callable[[], AuditTrail], writes: WriteCounter, tap: TrafficTap) -> None:
        self.observer: Observer | None = None
        self.writes = writes
        self.tap = tap
        self.asked_by: str | None = None
        self.context = LogContext(modem=modem)
        self._make_trail = make_trail
        self._trail: AuditTrail | None = None
        self._keep_counters: Callable[[], Awaitable[None]] | None = None
        self._lines: list[bytes] = []
        self._news = asyncio.Event()
        self._eim: tuple[str, bytes | None] | None = None
        self._reason = ""
        self._refusal: AuditEntry | None = None
        self._executed = False
        self._states: dict[str, str] = {}
        self._named: set[str] = set()
        self._fallback: str | None = None
        self._hosts: dict[str, str | None] = {}

    # The trail

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The trail is written as long as the context lasts. What this task logs from now on belongs to this modem."""
        CONTEXT.set(self.context)
        writing = asyncio.ensure_future(self._write())
        try:
            yield
        finally:
            await called_off(writing)
            await self._flush()
            if self._keep_counters is not None:
                await self._keep_counters()

    def keep_counters_in(self, journal: Journal) -> None:
        """The journal of the eUICC that is open now: counters ride on its writes, and are written at a clean stop."""
        observer = self.observer
        if observer is None:
            return
        if self._keep_counters is None:
            observer.restore(journal.content.counters)
        journal.counters, self._keep_counters = observer.kept, journal.keep_counters

    def record(self, entries: Iterable[AuditEntry]) -> None:
        """Put changes into the trail."""
        found = tuple(entries)
        if not found:
            return
        if self._trail is None:
            self._trail = self._make_trail()
        lines = self._trail.lines(found)
        if lines:
            self._lines.append(lines)
            self._news.set()

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._flush()

    async def _flush(self) -> None:
        data, self._lines = b"".join(self._lines), []
        if data and self._trail is not None:
            await to_the_end(asyncio.to_thread(self._trail.append, data))

    # Modem and eUICC

    def card_opened(self, eid: Eid, kind: str) -> None:
        """The eUICC is this one."""
        if self.context.eid != str(eid):
            self.context.eid, self.context.iccid = str(eid), ""
            self._states, self._hosts, self._fallback, self._named = {}, {}, None, set()
        if self.observer is not None:
            self.observer.card_opened(eid, kind)

    @property
    def nameless(self) -> bool:
        """Whether there is a status that knows no profile yet."""
        return self.observer is not None and not self._named

    def lacks_names(self, installed: Iterable[Iccid]) -> bool:
        """Whether the status shows profiles whose names it does not know."""
        return self.observer is not None and not {str(iccid) for iccid in installed} <= self._named

    def profiles_read(self, profiles: Iterable[ProfileInfo]) -> None:
        """The list of profiles with all that is shown of them."""
        if self.observer is not None:
            from ipad.observe.card_view import profile_status  # noqa: PLC0415 - only where there is a status

            shown = tuple(map(profile_status, profiles))
            self._named = {str(profile.iccid) for profile in shown}
            self.observer.profiles_read(shown)

    def eims_read(self, eims: Iterable[EimConfigurationData]) -> None:
        """The list of eIMs."""
        found = tuple(eims)
        self._hosts = {eim.eim_id: eim.eim_fqdn for eim in found}
        if self.observer is not None:
            from ipad.observe.card_view import eim_status  # noqa: PLC0415 - only where there is a status

            self.observer.eims_read(map(eim_status, found))

    # Procedures

    def ordered(self, eim_id: str, transaction: bytes | None) -> None:
        """An eIM has ordered what follows."""
        self._eim = eim_id, transaction
        self.context.eim, self.context.transaction = eim_id, transaction.hex().upper() if transaction else ""

    def executed(self, request: EuiccPackageRequest, result: EuiccPackageResult | None) -> None:
        """The eUICC has carried out a package, or refused it; None: its answer was lost. Told before any switch."""
        from ipad.observe.deeds import Known, package_entries  # noqa: PLC0415 - an idle poll has no package

        known = Known(profiles=dict(self._states), eims=dict(self._hosts), fallback=self._fallback)
        self._executed = result is not None
        self.record(package_entries(request, result, known))

    # Policy

    def note(self, now: float, event: Event) -> None:
        """An event that policy was told."""
        match event:
            case ProfileChanged():
                self._switched(event)
            case CardRead():
                self._states = {iccid: "enabled" if iccid == event.enabled else "disabled" for iccid in event.installed}
                self._fallback, self.context.iccid = event.fallback, event.enabled or ""
            case ActionResult(outcome=Outcome.REFUSED | Outcome.FAILED) if event.action.value != "recover":
                self._not_done(event)
        if self.observer is not None:
            self.observer.note(now, event)

    def decided(self, now: float, decision: Decision) -> None:
        """What policy decided on it."""
        match decision:
            case Rollback() | ExecuteFallback() | ReturnFromFallback() | EnableProfile():
                self._reason = decision.reason
            case Recover():
                text = "recovery: rung %s, step %d: %s"
                extra = alert(Alert.MODEM_RECOVERY)
                logger.warning(text, decision.rung, decision.step, decision.reason, extra=extra)
        if self.observer is not None:
            self.observer.decided(now, decision)

    def _switched(self, event: ProfileChanged) -> None:
        who = self._who(event.origin)
        logger.warning(
            "another profile is enabled (%s): %s after %s, by %s",
            event.origin.value,
            event.iccid or "none",
            event.previous or "none",
            who,
            extra=alert(_ALERTS.get(event.origin, Alert.PROFILE_SWITCHED), iccid=event.iccid),
        )
        in_package = event.origin is Origin.PACKAGE and self._executed
        local = event.origin in _LOCAL and self.asked_by is not None
        if not in_package and not local:
            from ipad.observe.deeds import switch_entry  # noqa: PLC0415 - seldom needed

            self.record((switch_entry(event, who),))
        self._executed, self._refusal = False, None
        self.context.iccid = event.iccid or ""
        self._states = {iccid: "enabled" if iccid == event.iccid else "disabled" for iccid in self._states}

    def _not_done(self, event: ActionResult) -> None:
        """An action that the eUICC does not take: it is tried again, but recorded once."""
        from ipad.observe.audit import AuditEntry, who_policy  # noqa: PLC0415 - seldom needed

        entry = AuditEntry(
            who=who_policy(self._reason),
            what=event.action.value,
            before=self.context.iccid or None,
            after=self.context.iccid or None,
            result=event.outcome.value,
        )
        if entry != self._refusal:
            self._refusal = entry
            self.record((entry,))

    def _who(self, origin: Origin) -> str:
        from ipad.observe.audit import who_eim, who_policy  # noqa: PLC0415 - seldom needed

        if origin in (Origin.PACKAGE, Origin.IMMEDIATE):
            return who_eim(*self._eim) if self._eim is not None else self.asked_by or who_eim("?", None)
        return self.asked_by or who_policy(self._reason or origin.value)

    # The service

    def run_ended(self, report: RunReport) -> None:
        """A run over eIMs has ended."""
        for package in report.packages:
            self._package_ended(package)
        self._eim, self.context.eim, self.context.transaction = None, "", ""
        if self.observer is not None:
            self.observer.run_ended(report)

    def entered(self, state: ServiceState, text: str) -> None:
        """The service does something else now."""
        if self.observer is not None:
            self.observer.entered(state, text)

    def follow_polls(self, moments: Callable[[], Mapping[str, float]]) -> None:
        """The plan of the polls is there: monotonic moments by eimId."""
        if self.observer is not None:
            self.observer.sources.polls = moments

    def failed(self, error: IpadError) -> None:
        """Modem, eUICC or state cannot be used."""
        if self.observer is not None:
            self.observer.failed(error)

    def _package_ended(self, package: PackageReport) -> None:
        from ipad.observe.audit import who_eim  # noqa: PLC0415 - an idle poll has no package
        from ipad.observe.outcome import OK, package_code  # noqa: PLC0415

        if package.kind is PackageKind.STORED_RESULT:
            return
        transaction = package.eim_transaction_id
        fields = {"eim": package.eim_id, "transaction": transaction.hex().upper() if transaction else None}
        code = package_code(package)
        if package.download is not None:
            from ipad.observe.deeds import download_entry  # noqa: PLC0415 - seldom needed

            entry = download_entry(package.download, who_eim(package.eim_id, transaction))
            self.record(() if entry is None else (entry,))
        if code != OK:
            which = Alert.PACKAGE_FAILED if package.download is None else Alert.DOWNLOAD_FAILED
            logger.warning("eIM %s: %s: %s", package.eim_id, package.kind.value, code, extra=alert(which, **fields))
        if package.eims_changed:
            text = "eIM %s has changed the list of eIMs"
            logger.warning(text, package.eim_id, extra=alert(Alert.EIM_CHANGED, **fields))
