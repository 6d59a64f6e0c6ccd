"""What the engine needs of the device that it looks after, while modem and eUICC are open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ipad.bearer.backend import BearerReason
from ipad.policy.decisions import Notice
from ipad.policy.events import CardRead, Outcome, ProbeResult, ProfileChanged, Traffic
from ipad.records import dataclass


@dataclass(frozen=True, kw_only=True)
class CardView:
    """What the eUICC shows. `emergency`: the emergency profile is enabled (SGP.32 5.9.22)."""

    card: CardRead
    emergency: bool = False


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one look through the layers found, and what it measured on the way."""

    result: ProbeResult
    traffic: Traffic | None = None


class Ward(Protocol):
    """One device. Whatever touches modem or eUICC is called by one task alone, one call at a time.

    Methods raise CardError, PortError, CodecError, EuiccResultError and StateError unless they return an `Outcome`.
    """

    async def look_at_card(self, *, again: bool = False) -> CardView:
        """The profiles on the eUICC. `again`: read anew, whatever is remembered of them."""
        ...

    def trial(self) -> ProfileChanged | None:
        """The change of profile that an interrupted package left, whose rollback was granted and not decided."""
        ...

    async def settle(self) -> None:
        """The profile on trial is kept."""
        ...

    async def roll_back(self, former: str | None) -> Outcome:
        """ProfileRollback (SGP.32 5.9.16)."""
        ...

    async def fall_back(self) -> Outcome:
        """ExecuteFallbackMechanism (SGP.32 5.9.20)."""
        ...

    async def return_back(self, former: str | None) -> Outcome:
        """ReturnFromFallback (SGP.32 5.9.21)."""
        ...

    async def enable(self, iccid: str) -> Outcome:
        """EnableProfile of a consumer eUICC (SGP.22 5.7.16)."""
        ...

    async def climb(self, rung: str) -> None:
        """One rung of the board's recovery ladder."""
        ...

    async def bring_up(self, reason: BearerReason) -> None:
        """Ask for the data link of the profile that is enabled now; what goes wrong is logged."""
        ...

    async def look_around(self, *, anew: bool = True) -> None:
        """Read everything that the modem shows, once; unless `anew`, only what was not read yet."""
        ...

    async def look_through(self, session: str | None) -> Sight:
        """A look through the layers towards the eIMs; touches neither modem nor eUICC, and never raises."""
        ...

    def announce(self, notice: Notice, eim_ids: Sequence[str] | None = None) -> None:
        """Tell eIMs of a state change in their next GetEimPackage, unless they are to be told of another one."""
        ...
