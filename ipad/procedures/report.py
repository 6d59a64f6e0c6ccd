"""What a run did, for those who print it, schedule the next one or choose an exit code."""

from __future__ import annotations

from enum import Enum

from ipad.codec.esipa import EimPackageError, EimPackageResultErrorCode, ProvideEimPackageResultError
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import ProfileInstallationResult
from ipad.errors import IpadError, NetworkError
from ipad.ids import Iccid
from ipad.records import dataclass


class PackageKind(Enum):
    """What an eIM gave."""

    EUICC_PACKAGE = "euiccPackage"
    IPA_EUICC_DATA = "ipaEuiccData"
    PROFILE_DOWNLOAD_TRIGGER = "profileDownloadTrigger"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    STORED_RESULT = "storedResult"  # nothing was given: a result of earlier was delivered


class Handover(Enum):
    """Where the result of a package is."""

    ACKNOWLEDGED = "acknowledged"  # the eIM has it and named what may be removed
    ANSWERED = "answered"  # the eIM has it and named nothing
    REFUSED = "refused"  # the eIM was reached and answered an error
    KEPT = "kept"  # not delivered; it is tried again in later runs


@dataclass(frozen=True, kw_only=True)
class DownloadReport:
    """One profile download. Either it was installed, or `error` says why not.

    `installation` is the result of the eUICC, good or bad; None when nothing was loaded. `error_response` is the
    response that ended the download, for the eIM. `enabled`: the profile was enabled at once.
    """

    address: str | None
    direct: bool
    installation: ProfileInstallationResult | None = None
    error: IpadError | None = None
    error_response: bytes | None = None
    enabled: bool = False

    @property
    def iccid(self) -> Iccid | None:
        """The profile that the eUICC's result is about."""
        if self.installation is None:
            return None
        iccid = self.installation.profile_installation_result_data.notification_metadata.iccid
        return None if iccid is None else Iccid(iccid)

    @property
    def installed(self) -> bool:
        """Whether the profile is on the eUICC."""
        return self.installation is not None and self.error is None


@dataclass(frozen=True, kw_only=True)
class PackageReport:
    """One package and its result.

    `result` is what the eUICC answered, `error_code` what the IPA answered in its place. `rolled_back`: the profile
    switch was undone because the eIM could not be reached. `blocked`: nothing else may run before this is settled.
    `on_trial`: the profile was changed by it, and the result waits for a bearer of the new one.
    """

    kind: PackageKind
    handover: Handover
    eim_id: str
    eim_transaction_id: bytes | None = None
    counter_value: int | None = None
    result: EuiccPackageResult | None = None
    error_code: EimPackageResultErrorCode | None = None
    acknowledged: tuple[int, ...] = ()
    refusal: ProvideEimPackageResultError | None = None
    network_error: NetworkError | None = None
    eims_changed: bool = False
    profile_changed: bool = False
    rolled_back: bool = False
    blocked: bool = False
    on_trial: bool = False
    download: DownloadReport | None = None

    @property
    def delivered(self) -> bool:
        """Whether the eIM has the result."""
        return self.handover is not Handover.KEPT


@dataclass(frozen=True, kw_only=True)
class NotificationReport:
    """Notifications handed to an eIM for their receivers, or to these themselves, by sequence number.

    `waiting` are on the eUICC and not due, not readable or not reached.
    """

    sent: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    waiting: int = 0
    network_error: NetworkError | None = None


@dataclass(frozen=True, kw_only=True)
class EimReport:
    """One eIM's turn in a run. `eim_error` ended it, or `network_error`, or `more` packages remain for the next run.

    `repeating`: the eIM handed out the same package again although it had its result.
    """

    eim_id: str
    packages: tuple[PackageReport, ...] = ()
    eim_error: EimPackageError | None = None
    network_error: NetworkError | None = None
    notifications: NotificationReport = NotificationReport()
    more: bool = False
    repeating: bool = False

    @property
    def reached(self) -> bool:
        """Whether the eIM answered to the end."""
        return self.network_error is None


@dataclass(frozen=True, kw_only=True)
class UnusableEim:
    """An eIM on the eUICC that this IPA cannot contact, and why."""

    eim_id: str
    reason: str


class Outcome(Enum):
    """The result of a run in one word; schedulers depend on the difference."""

    NOTHING_TO_DO = "nothingToDo"
    DONE = "done"
    RETRY_LATER = "retryLater"


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A whole run. `recovered` is what an interrupted run had left, `undelivered` how many results are still owed.
    `receivers` are notifications that the IPA itself brought to their receivers.

    `orphaned` results are owed to eIMs that are no longer associated: they are tried in every run, but are no reason
    for one. `suspended` says why nothing was polled.
    """

    eims: tuple[EimReport, ...] = ()
    unusable: tuple[UnusableEim, ...] = ()
    recovered: tuple[PackageReport, ...] = ()
    undelivered: int = 0
    orphaned: int = 0
    suspended: str | None = None
    receivers: NotificationReport = NotificationReport()

    @property
    def packages(self) -> tuple[PackageReport, ...]:
        """All packages of the run in order."""
        return self.recovered + tuple(package for eim in self.eims for package in eim.packages)

    @property
    def unreached(self) -> bool:
        """Whether eIMs were asked and none of them answered to the end."""
        return bool(self.eims) and not any(eim.reached for eim in self.eims)

    @property
    def on_trial(self) -> bool:
        """Whether the run ended because another profile is enabled now."""
        return any(package.on_trial for package in self.packages)

    @property
    def outcome(self) -> Outcome:
        """Retry later if anything failed or remains; else whether there was anything."""
        if self.suspended or self.undelivered or any(eim.more or eim.repeating or not eim.reached for eim in self.eims):
            return Outcome.RETRY_LATER
        if any(package.blocked or not package.delivered for package in self.packages):
            return Outcome.RETRY_LATER
        sent = [self.receivers, *(eim.notifications for eim in self.eims)]
        if self.packages or any(report.sent or report.refused for report in sent):
            return Outcome.DONE
        return Outcome.NOTHING_TO_DO
