"""Collects what happens to one modem and its eUICC, and says on demand how things stand. No I/O, no waiting.

Satisfies `daemon.guard.engine.EventSink` and `procedures.progress.ProgressListener` besides the facts that the service
tells. What others know anyway (policy, schedule, bytes) is asked of them when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ipad import __version__
from ipad.clock import Clock
from ipad.errors import IpadError
from ipad.ids import Eid
from ipad.net.counters import UsageSnapshot
from ipad.observe import policy_view
from ipad.observe.card_view import with_enabled, with_reading
from ipad.observe.failure import Failure, failure_of
from ipad.observe.outcome import OK, eim_code, package_code
from ipad.observe.status import (
    DeviceStatus,
    EimStatus,
    ProfileStatus,
    ServiceState,
    Status,
    WriteStatus,
)
from ipad.observe.tally import Stopwatches, Tally
from ipad.observe.usage import usage_rows
from ipad.policy.decisions import Commit, Decision, Probe, Recover, Report, Silence, WaitUntil
from ipad.policy.events import ActionResult, CardRead, Event, PollDone, ProfileChanged, Registration
from ipad.policy.radio import REGISTERED
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.trace import name_of
from ipad.procedures.progress import ProgressEvent, Stage
from ipad.procedures.report import EimReport, NotificationReport, PackageKind, PackageReport, RunReport
from ipad.records import dataclass, replace

DOWNLOAD: Final = "download"
"""From the first contact with the server until the profile is installed and reported."""
ACTIVATION: Final = "activation"
"""From the moment at which the eUICC accepted another profile until the modem is registered with it."""
CONNECTIVITY: Final = "connectivity"
"""From the same moment until an eIM answered over the new profile."""

_REMEMBERED: Final = 64
_MOST_SERVERS: Final = 16


@dataclass(kw_only=True)
class Sources:
    """What is asked when somebody looks: each may be missing. `polls` are monotonic moments by eimId."""

    policy: Callable[[], tuple[State, Settings]] | None = None
    usage: Callable[[], UsageSnapshot] | None = None
    polls: Callable[[], Mapping[str, float]] | None = None
    writes: Callable[[], WriteStatus] | None = None


@dataclass(slots=True)
class _EimRecord:
    contact_at: float | None = None
    result: str | None = None
    failures: int = 0


@dataclass(slots=True)
class _Card:
    eid: Eid | None = None
    kind: str | None = None
    profiles: tuple[ProfileStatus, ...] = ()
    eims: tuple[EimStatus, ...] = ()
    read: bool = False


@dataclass(slots=True)
class _Owed:
    notifications: int | None = None
    undelivered: int | None = None


class Observer:
    """One modem. `sources` may be completed after the construction."""

    def __init__(self, modem: str, clock: Clock, *, sources: Sources | None = None) -> None:
        self._modem = modem
        self._clock = clock
        self.sources = sources or Sources()
        self._began = clock.monotonic()
        self._state = ServiceState.STARTING
        self._text = ""
        self._device = DeviceStatus()
        self._card = _Card()
        self._owed = _Owed()
        self._contacts: dict[str, _EimRecord] = {}
        self._unusable: dict[str, str] = {}
        self._error: tuple[Failure, float] | None = None
        self._tally = Tally()
        self._watches = Stopwatches()
        self._counted: dict[object, None] = {}

    # The process

    def entered(self, state: ServiceState, text: str = "") -> None:
        """The agent does something else now."""
        self._state, self._text = state, text

    def failed(self, error: IpadError) -> None:
        """Modem, eUICC or state cannot be used."""
        self._tally.add("failures", self._keep_error(error).label)

    def kept(self) -> Mapping[str, int]:
        """The counters, for whoever keeps them across a restart."""
        return self._tally.kept()

    def restore(self, kept: Mapping[str, int]) -> None:
        """Go on counting where an earlier process ended."""
        self._tally.restore(kept)

    # Modem and eUICC

    def modem_read(self, device: DeviceStatus) -> None:
        """What the modem says of itself."""
        self._device = device

    def card_opened(self, eid: Eid, kind: str) -> None:
        """The eUICC is this one; what was known of another one is forgotten."""
        if self._card.eid != eid:
            self._card, self._owed = _Card(eid=eid, kind=kind), _Owed()
            self._contacts.clear()
        self._card.kind = kind

    def profiles_read(self, profiles: Iterable[ProfileStatus]) -> None:
        """The list of profiles with their names."""
        self._card.profiles, self._card.read = tuple(profiles), True

    def eims_read(self, eims: Iterable[EimStatus]) -> None:
        """The list of eIMs; what happened with one that stays is remembered."""
        self._card.eims = tuple(eims)
        present = {eim.eim_id for eim in self._card.eims}
        self._contacts = {eim_id: record for eim_id, record in self._contacts.items() if eim_id in present}

    # Work

    def progress(self, event: ProgressEvent) -> None:
        """A profile download goes on."""
        now = self._clock.monotonic()
        if event.stage is Stage.DONE:
            self._watches.stop(DOWNLOAD, now)
        elif event.stage is Stage.FAILED:
            self._watches.drop(DOWNLOAD)
        elif not self._watches.begun(DOWNLOAD):
            self._watches.start(DOWNLOAD, now)

    def run_ended(self, report: RunReport) -> None:
        """A run over eIMs has ended."""
        for eim in report.eims:
            self._eim_ended(eim)
        for package in report.packages:
            self._package_ended(package)
        waiting = [self._notified(item) for item in (*(eim.notifications for eim in report.eims), report.receivers)]
        if report.suspended is None:
            self._unusable = {item.eim_id: item.reason for item in report.unusable}
        if report.eims:
            self._owed = _Owed(notifications=max(waiting), undelivered=report.undelivered)

    def _eim_ended(self, eim: EimReport) -> None:
        code = eim_code(eim)
        self._tally.add("polls", code)
        record = self._contacts.setdefault(eim.eim_id, _EimRecord())
        record.result = code
        if eim.network_error is None:
            record.contact_at, record.failures = self._clock.time(), 0
        else:
            record.failures += 1
            self._keep_error(eim.network_error)

    def _package_ended(self, package: PackageReport) -> None:
        self._tally.add("results", package.handover.value)
        if package.kind is PackageKind.STORED_RESULT or not self._first_time(package):
            return
        code = package_code(package)
        if package.download is None:
            self._tally.add("packages", code)
            return
        self._tally.add("downloads", code)
        if package.download.error is not None:
            self._keep_error(package.download.error)

    def _first_time(self, package: PackageReport) -> bool:
        """A package on trial is reported again by the run that delivers its result; it counts once."""
        key = (package.eim_id, package.counter_value, package.eim_transaction_id)
        if package.counter_value is None:
            return True
        known = key in self._counted
        self._counted[key] = None
        while len(self._counted) > _REMEMBERED:
            del self._counted[next(iter(self._counted))]
        return not known

    def _notified(self, report: NotificationReport) -> int:
        for code, numbers in ((OK, report.sent), ("refused", report.refused)):
            if numbers:
                self._tally.add("notifications", code, len(numbers))
        if report.network_error is not None:
            self._tally.add("notifications", failure_of(report.network_error).label)
        return report.waiting

    def _keep_error(self, error: IpadError) -> Failure:
        failure = failure_of(error)
        self._error = failure, self._clock.time()
        return failure

    # Policy

    def note(self, now: float, event: Event) -> None:
        """An event that policy was told at a monotonic moment."""
        match event:
            case ProfileChanged():
                self._tally.add("switches", event.origin.value)
                self._card.profiles = with_enabled(self._card.profiles, event.iccid)
                self._watches.start(ACTIVATION, now)
                self._watches.start(CONNECTIVITY, now)
            case Registration() if event.state in REGISTERED:
                self._watches.stop(ACTIVATION, now)
            case PollDone():
                self._watches.stop(CONNECTIVITY, now)
            case CardRead():
                self._card.profiles, self._card.read = with_reading(self._card.profiles, event), True
            case ActionResult():
                self._tally.add("actions", f"{event.action.value} {event.outcome.value}")

    def decided(self, now: float, decision: Decision) -> None:  # noqa: ARG002 - the moment is that of the event
        """What policy decided."""
        match decision:
            case Probe() | WaitUntil() | Silence():
                pass
            case Recover():
                self._tally.add("recoveries", decision.rung)
            case Report():
                self._tally.add("reports", decision.kind.value)
            case Commit():
                self._tally.add("decisions", "commit" if decision.proven else "commit unproven")
            case _:
                self._tally.add("decisions", name_of(decision))

    # The picture

    def snapshot(self) -> Status:
        """How things stand now."""
        now, sources = self._clock.monotonic(), self.sources
        status = Status(
            modem=self._modem,
            state=self._state,
            version=__version__,
            text=self._text,
            read_at=self._clock.time(),
            running_seconds=now - self._began,
            device=self._device,
            eid=self._card.eid,
            kind=self._card.kind,
            profiles=self._card.profiles,
            last_error=self._error[0] if self._error else None,
            last_error_at=self._error[1] if self._error else None,
            notifications_waiting=self._owed.notifications,
            undelivered=self._owed.undelivered,
            durations=self._watches.rows(),
            counters=self._tally.rows(),
            usage=usage_rows(sources.usage()) if sources.usage is not None else (),
            writes=sources.writes() if sources.writes is not None else WriteStatus(),
        )
        return self._with_policy(self._with_eims(status, now), now)

    def _with_eims(self, status: Status, now: float) -> Status:
        due = self.sources.polls() if self.sources.polls is not None else {}
        left = {eim_id: max(0.0, moment - now) for eim_id, moment in due.items() if moment != float("inf")}
        eims = tuple(self._eim(eim, left.get(eim.eim_id)) for eim in self._card.eims)
        return replace(status, eims=eims, next_poll_seconds=min(left.values(), default=None))

    def _eim(self, eim: EimStatus, next_poll: float | None) -> EimStatus:
        record = self._contacts.get(eim.eim_id, _EimRecord())
        return replace(
            eim,
            unusable=self._unusable.get(eim.eim_id),
            last_contact_at=record.contact_at,
            last_result=record.result,
            failures=record.failures,
            next_poll_seconds=next_poll,
        )

    def _with_policy(self, status: Status, now: float) -> Status:
        state, settings = self.sources.policy() if self.sources.policy is not None else (None, None)
        level = policy_view.provisioning(
            state,
            read=self._card.read,
            eims=bool(status.eims) or self._card.kind == "consumer",
            enabled=status.enabled is not None,
        )
        status = replace(status, provisioning=level)
        if state is None or settings is None:
            return status
        return replace(
            status,
            radio=policy_view.radio_status(state.situation, now),
            bearer=policy_view.bearer_status(state.situation, now),
            policy=policy_view.policy_status(state, settings, now),
        )
