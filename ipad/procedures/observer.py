"""What the procedures tell whoever looks after the device's connectivity, at the moment at which it happens.

Nothing here may fail or wait: a procedure is in the middle of something that must be finished.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from enum import Enum
from typing import Protocol

from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult
from ipad.errors import ExchangeError, HttpStatusError, NetworkError
from ipad.ids import Iccid
from ipad.policy.events import Origin
from ipad.records import dataclass


class Work(Enum):
    """What the eUICC is busy with."""

    PACKAGE = "package"  # an eUICC Package
    DOWNLOAD = "download"  # a profile download, which needs the bearer
    SWITCH = "switch"  # a change of profile that the IPA makes itself


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Another profile is enabled. `rollback`: ProfileRollback may bring `previous` back (SGP.32 5.9.16)."""

    origin: Origin
    iccid: Iccid | None
    previous: Iccid | None = None
    rollback: bool = False


class Observer(Protocol):
    """The engine of policy, as the procedures see it."""

    def switched(self, switch: Switch) -> None:
        """The eUICC has accepted a change of profile. Told before the modem is made to follow."""
        ...

    def ordered(self, eim_id: str, transaction: bytes | None) -> None:
        """An eIM has ordered what follows: a package, or a profile download."""
        ...

    def executed(self, request: EuiccPackageRequest, result: EuiccPackageResult | None) -> None:
        """The eUICC has carried out a package, or refused it; None: its answer was lost. Told before `switched`."""
        ...

    def answered(self, eim_id: str) -> None:
        """The authenticated eIM answered, whatever its status."""
        ...

    def failed(self, eim_id: str, error: NetworkError) -> None:
        """The eIM was not reached."""
        ...

    def undecided(self) -> bool:
        """Whether a profile is on trial that could be rolled back: then no further package may be taken."""
        ...

    def executing(self, work: Work) -> AbstractAsyncContextManager[None]:
        """Held while the eUICC is busy."""
        ...


class Unobserved:
    """Nobody looks: a command of a person, or a test."""

    def switched(self, switch: Switch) -> None:
        """Not told."""

    def ordered(self, eim_id: str, transaction: bytes | None) -> None:
        """Not told."""

    def executed(self, request: EuiccPackageRequest, result: EuiccPackageResult | None) -> None:
        """Not told."""

    def answered(self, eim_id: str) -> None:
        """Not told."""

    def failed(self, eim_id: str, error: NetworkError) -> None:
        """Not told."""

    def undecided(self) -> bool:
        """Nothing is on trial."""
        return False

    def executing(self, work: Work) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        """Nothing is held."""
        return nullcontext()


def tell_outcome(observer: Observer, eim_id: str, error: NetworkError) -> None:
    """An HTTP status or an unusable body came from the authenticated eIM: it was reached all the same."""
    if isinstance(error, HttpStatusError | ExchangeError):
        observer.answered(eim_id)
    else:
        observer.failed(eim_id, error)
