"""What the eIM does by itself after an error of the eUICC (SGP.32 3.3.1, 2.11.2.1).

A replayError for a package that was handed out once means that the counter is behind: sign again with a
counter well ahead. For one that was handed out several times the first copy was executed or lost: ask the
IPA for stored results, and if there is none, ask the eUICC how its profiles stand.
"""

from typing import Final

from hil.eim.association import Association, Outcome, Package, PackageState
from hil.eim.content import Content, ContentKind, data_request, list_profile_info, psmo_package
from hil.eim.knobs import EimKnobs, UnsignedError

_REPLAY: Final = 4
_COUNTER_LEAP: Final = 16
_MAX_ATTEMPTS: Final = 3
_RESULT_LIST: Final = 0xA2


class Recovery:
    """Queues follow-ups. `numbering` gives the number of a new package."""

    def __init__(self, knobs: EimKnobs) -> None:
        self._knobs = knobs

    def signed_error(self, association: Association, package: Package, code: int) -> None:
        """React to an EuiccPackageErrorSigned."""
        if code != _REPLAY or not self._knobs.recover_replays or package.faults.any:
            return
        if len(package.handed_out) > 1:
            self._ask_stored(association, package)
        elif package.attempts < _MAX_ATTEMPTS:
            association.counter += _COUNTER_LEAP
            self._again(association, package)

    def unsigned_error(self, association: Association, package: Package, token: int | None) -> None:
        """React to an EuiccPackageErrorUnsigned; its token is taken over only when the operator said so."""
        if self._knobs.unsigned_error is not UnsignedError.ADOPT_TOKEN or token is None:
            return
        if token != association.token and package.attempts < _MAX_ATTEMPTS:
            association.token = token
            self._again(association, package)

    def data_received(self, association: Association, package: Package) -> None:
        """After the answer to a search for a stored result: without a find, look at the profiles themselves."""
        sought = None if package.recovers is None else association.package(package.recovers)
        if sought is None or sought.outcome is not Outcome.REFUSED:
            return
        sought.outcome, sought.detail = Outcome.LOST, "replayError, and the eUICC has no result of it"
        self._insert(association, psmo_package(list_profile_info()))

    def _ask_stored(self, association: Association, package: Package) -> None:
        self._insert(association, data_request((_RESULT_LIST,)), recovers=package.number)

    def _again(self, association: Association, package: Package) -> None:
        copy = self._insert(association, package.content)
        copy.attempts = package.attempts + 1

    @staticmethod
    def _insert(association: Association, content: Content, recovers: int | None = None) -> Package:
        """Put a package before all that are still queued."""
        assert content.kind in (ContentKind.EUICC_PACKAGE, ContentKind.DATA_REQUEST)
        number = max((package.number for package in association.packages), default=0) + 1
        added = Package(number, content, recovers=recovers)
        waiting = [index for index, other in enumerate(association.packages) if other.state is PackageState.QUEUED]
        association.packages.insert(waiting[0] if waiting else len(association.packages), added)
        return added
