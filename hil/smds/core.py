"""The SM-DS without I/O: ES11 functions (SGP.22 5.8.1, 5.8.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hil.rsp import status
from hil.rsp.authentication import Challenge, EuiccRefusedError, Forge, Identity, Mistake, authenticate, challenge
from hil.rsp.status import RspStatus


@dataclass(frozen=True)
class Event:
    """A SM-DP+ (or another SM-DS) has something for an eUICC. `address` is a host name."""

    eid: str
    event_id: str
    address: str


@dataclass
class SmDsKnobs:
    """Behaviour that can be switched while it runs."""

    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with certificates and signed objects."""


@dataclass
class SmDs:
    """A discovery server with its events."""

    identity: Identity
    events: list[Event] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    knobs: SmDsKnobs = field(default_factory=SmDsKnobs)
    forge: Forge | None = None
    """Makes the certificates of `knobs.mistakes`."""
    _asked: dict[bytes, Challenge] = field(default_factory=dict)

    def register(self, event: Event) -> None:
        """ES12.RegisterEvent in its effect; an event id is used once per eUICC."""
        if any((known.eid, known.event_id) == (event.eid, event.event_id) for known in self.events):
            raise ValueError(f"event {event.event_id} is registered")
        self.events.append(event)

    def delete(self, eid: str, event_id: str) -> None:
        """ES12.DeleteEvent in its effect."""
        self.events = [event for event in self.events if (event.eid, event.event_id) != (eid, event_id)]

    def initiate_authentication(self, euicc_challenge: bytes, euicc_info1: bytes, address: str) -> Challenge:
        """ES11.InitiateAuthentication."""
        asked = challenge(
            self.identity, euicc_challenge, euicc_info1, address, mistakes=self.knobs.mistakes, forge=self.forge
        )
        self._asked[asked.transaction_id] = asked
        return asked

    def authenticate_client(self, transaction_id: bytes, response: bytes) -> list[Event]:
        """ES11.AuthenticateClient: the events for this eUICC, or the one that it asks for."""
        asked = self._asked.pop(transaction_id, None)
        if asked is None:
            raise RspStatus(status.UNKNOWN_TRANSACTION)
        try:
            euicc = authenticate(self.identity, asked, response, at=self.clock())
        except EuiccRefusedError as error:
            raise RspStatus(status.SIGNATURE_INVALID, str(error)) from error
        found = [event for event in self.events if event.eid == euicc.eid]
        if not euicc.matching_id:
            return found
        wanted = [event for event in found if event.event_id == euicc.matching_id]
        if not wanted:
            raise RspStatus(status.UNKNOWN_EVENT)
        return wanted
