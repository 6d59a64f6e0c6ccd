"""PDP contexts of the virtual modem (3GPP TS 27.007 10.1): definitions, attach, addresses, packet events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hil.clock import Clock, Timer
from hil.modem.reply import Cme, refuse
from hil.network import Network, PacketSession, SessionRefusal, Subscriber

MAX_CID = 15
PDP_TYPES = ("IP", "IPV6", "IPV4V6", "PPP", "Non-IP")
# TS 27.007 9.2.2: the numbers of +CME ERROR for causes of session management.
_CME_OF_CAUSE = {
    26: Cme.INSUFFICIENT_RESOURCES,
    27: Cme.UNKNOWN_APN,
    33: Cme.OPTION_NOT_SUBSCRIBED,
    50: Cme.IPV4_ONLY_ALLOWED,
}


@dataclass(frozen=True)
class ContextDefinition:
    """One +CGDCONT line and what +CGAUTH added (0 none, 1 PAP, 2 CHAP)."""

    pdp_type: str = "IP"
    apn: str = ""
    auth: int = 0
    user: str = ""


@dataclass(frozen=True)
class PacketEvents:
    """event: text of a +CGEV line. changed: the set of active sessions is another one."""

    event: Callable[[str], None]
    changed: Callable[[], None]


class PacketContexts:
    """The contexts of one modem. `forced_cause` refuses every session with this ESM cause."""

    def __init__(self, network: Network, clock: Clock, attach_cid: int, events: PacketEvents) -> None:
        self._network = network
        self._clock = clock
        self._events = events
        self._timer: Timer | None = None
        self._where: tuple[Subscriber, str] | None = None
        self.attach_cid = attach_cid
        self.definitions: dict[int, ContextDefinition] = {attach_cid: ContextDefinition("IPV4V6")}
        self.sessions: dict[int, PacketSession] = {}
        self.forced_cause: int | None = None
        self.last_cause: int | None = None

    @property
    def attached(self) -> bool:
        return self._where is not None

    def define(self, cid: int, pdp_type: str, apn: str) -> None:
        old = self.definitions.get(cid, ContextDefinition())
        self.definitions[cid] = replace(old, pdp_type=pdp_type, apn=apn)

    def undefine(self, cid: int) -> None:
        """Forget a definition; that of an active context stays.

        Raises:
            Refused: the context is active.
        """
        if cid in self.sessions:
            raise refuse(Cme.OPERATION_NOT_ALLOWED)
        self.definitions.pop(cid, None)

    def authenticate(self, cid: int, auth: int, user: str) -> None:
        self.definitions[cid] = replace(self.definitions.get(cid, ContextDefinition()), auth=auth, user=user)

    def attach(self, subscriber: Subscriber, plmn: str) -> None:
        """The modem is registered: bring the default session up, after the time that the network takes for it."""
        if self._where == (subscriber, plmn):
            return
        self.detach()
        self._where = (subscriber, plmn)
        self._schedule(self._network.service(subscriber, plmn).session_time)

    def detach(self) -> None:
        """The registration is lost: every session ends at once, and no event lists them."""
        self._stop_timer()
        if self._where is None:
            return
        self._where = None
        if self.sessions:
            self._drop_all()
            self._events.event("NW DETACH")

    def activate(self, cid: int) -> None:
        """Bring a session up.

        Raises:
            Refused: not attached, or refused by the network.
        """
        if cid in self.sessions:
            return
        if self._where is None:
            raise refuse(Cme.NO_NETWORK_SERVICE)
        refusal = self._open(cid)
        if refusal is not None:
            raise refuse(_CME_OF_CAUSE.get(refusal, Cme.UNSPECIFIED_GPRS_ERROR))

    def deactivate(self, cid: int) -> None:
        """End a session."""
        session = self.sessions.pop(cid, None)
        if session is not None:
            self._network.close_session(session)
            self._events.event(f"ME PDN DEACT {cid}")
            self._events.changed()

    def renew(self) -> None:
        """A cause that refused the default session may be gone, or a new one came up."""
        if self._where is None:
            return
        if self.forced_cause is not None and self.sessions:
            self._drop_all()
            self._events.event(f"NW PDN DEACT {self.attach_cid}")
        elif self.attach_cid not in self.sessions and self._timer is None:
            subscriber, plmn = self._where
            self._schedule(self._network.service(subscriber, plmn).session_time)

    def _schedule(self, delay: float) -> None:
        self._timer = self._clock.call_later(delay, self._default_session)

    def _default_session(self) -> None:
        self._timer = None
        if self.attach_cid not in self.sessions:
            self._open(self.attach_cid)

    def _open(self, cid: int) -> int | None:
        assert self._where is not None
        subscriber, plmn = self._where
        definition = self.definitions.get(cid, ContextDefinition())
        granted: PacketSession | SessionRefusal
        if self.forced_cause is not None:
            granted = SessionRefusal(self.forced_cause)
        else:
            granted = self._network.open_session(subscriber, plmn, definition.apn, definition.pdp_type)
        if isinstance(granted, SessionRefusal):
            self.last_cause = granted.cause
            return granted.cause
        self.last_cause = None
        self.sessions[cid] = granted
        # Reason 0: IPv4 only, because both families were asked for (TS 27.007 10.1.19).
        reason = ",0" if definition.pdp_type == "IPV4V6" else ""
        self._events.event(f"ME PDN ACT {cid}{reason}")
        self._events.changed()
        return None

    def _drop_all(self) -> None:
        for session in self.sessions.values():
            self._network.close_session(session)
        self.sessions.clear()
        self._events.changed()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
