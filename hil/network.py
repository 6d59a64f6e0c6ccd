"""The virtual radio network: operators, what each of them grants to which subscriber, and an address pool.

The network holds no timers: it answers what a cell looks like and whether a subscriber is admitted at the moment of the
question, and tells its listeners when an operator or a service was changed. Modems keep the time. A scenario is
therefore a list of moments at which somebody calls `set_operator` and `set_service`, on whatever clock.

Reject causes are those of 3GPP TS 24.301 Annex A, session causes those of TS 24.301 9.9.4.4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from hil import aka
from hil.aka import AkaKey


class Access(IntEnum):
    """Access technology with its number in +COPS and +CxREG (3GPP TS 27.007 7.3)."""

    GSM = 0
    UTRAN = 2
    E_UTRAN = 7
    NB_IOT = 9
    NR = 11


class EsmCause(IntEnum):
    """Why a packet session was refused (3GPP TS 24.301 9.9.4.4); other numbers are possible."""

    UNKNOWN_APN = 27
    SERVICE_OPTION_NOT_SUBSCRIBED = 33
    IPV4_ONLY_ALLOWED = 50


Challenged = Callable[[bytes, bytes], bytes | None]
"""A USIM: RAND and AUTN in, the answer of AUTHENTICATE (TS 31.102 7.1.2.1) out, None when it refuses them."""
_SUCCESSFUL: Final = b"\xdb"
_OUT_OF_STEP: Final = b"\xdc\x0e"


@dataclass(frozen=True)
class Signal:
    """What a receiver measures: reference signal power (dBm), quality (dB) and signal to noise (dB)."""

    rsrp: float = -85.0
    rsrq: float = -9.0
    sinr: float = 14.0


@dataclass(frozen=True)
class Operator:
    """One radio network as seen at the place of the device.

    `signal` None means that it has no coverage here. `partners` lists the home PLMNs of roaming subscribers that it
    takes; None takes everybody.
    """

    plmn: str
    long_name: str = ""
    short_name: str = ""
    access: Access = Access.E_UTRAN
    signal: Signal | None = field(default_factory=Signal)
    partners: frozenset[str] | None = None
    tac: int = 0x142D
    cell: int = 0x04F2C791

    def __post_init__(self) -> None:
        if not (self.plmn.isdecimal() and len(self.plmn) in (5, 6)):
            raise ValueError(f"a PLMN has 5 or 6 digits, not {self.plmn!r}")


@dataclass(frozen=True)
class Service:
    """What the networks grant to one subscriber.

    `search_time`: seconds from switching on to the answer of the network. `reject_cause`: EMM cause of a refused
    registration. `session_time`: seconds until the packet session is up. `session_cause`: ESM cause of a refused
    session. `data` False: everything looks well, yet no IP packet gets through.
    """

    coverage: bool = True
    search_time: float = 0.5
    reject_cause: int | None = None
    session_time: float = 0.2
    session_cause: int | None = None
    data: bool = True


@dataclass(frozen=True)
class Subscriber:
    """A SIM as the network knows it: IMSI (6 to 15 digits) and the PLMN of its home."""

    imsi: str
    home: str


@dataclass(frozen=True)
class PacketSession:
    """A granted packet session; every new one has another address."""

    address: str
    gateway: str
    dns: tuple[str, ...]
    apn: str


@dataclass(frozen=True)
class SessionRefusal:
    """A refused packet session with its ESM cause."""

    cause: int


class AddressPool:
    """Hands out the host addresses of an IPv4 network in turn, so that a released one does not come back at once."""

    def __init__(self, network: str = "10.64.0.0/16") -> None:
        block = ipaddress.IPv4Network(network)
        self._first = int(block.network_address) + 2
        self._size = block.num_addresses - 3
        if self._size < 1:
            raise ValueError(f"{network} has no room for a host and a gateway")
        self.gateway = str(block.network_address + 1)
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str | None:
        """An address that no session has, or None when all are in use."""
        for _ in range(self._size):
            address = str(ipaddress.IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._size
            if address not in self._used:
                self._used.add(address)
                return address
        return None

    def release(self, address: str) -> None:
        self._used.discard(address)


@dataclass
class _AuthenticationRecord:
    """What the operator's authentication centre has of a subscriber."""

    key: AkaKey
    sqn: int = 0


class Network:
    """All operators at the place of the device, and their subscribers.

    As long as `open_world` is true the home network of every subscriber exists here, whether it was described or not,
    so that a card with any IMSI finds service. `default_service` holds where no entry of `set_service` matches.
    """

    def __init__(
        self, operators: Iterable[Operator] = (), default_service: Service | None = None, *, open_world: bool = True
    ) -> None:
        self._operators = {operator.plmn: operator for operator in operators}
        self.default_service = default_service or Service()
        self.open_world = open_world
        self._services: dict[tuple[str, str], Service] = {}
        self._listeners: list[Callable[[], None]] = []
        self._pool = AddressPool()
        self._centre: dict[str, _AuthenticationRecord] = {}

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def set_operator(self, operator: Operator) -> None:
        """Add an operator or replace the one with the same PLMN."""
        self._operators[operator.plmn] = operator
        self._changed()

    def set_signal(self, plmn: str, signal: Signal | None) -> None:
        """Change what is received of an operator; None takes its coverage away."""
        self.set_operator(replace(self.operator(plmn), signal=signal))

    def set_service(self, service: Service, *, imsi: str = "", plmn: str = "") -> None:
        """Say what is granted: to one subscriber (IMSI, or its first digits) on one network; empty means any.

        The entry with the longest matching IMSI counts, of equals the one that names the PLMN.
        """
        self._services[imsi, plmn] = service
        self._changed()

    def clear_services(self) -> None:
        """Forget every entry of `set_service`."""
        self._services.clear()
        self._changed()

    def operator(self, plmn: str) -> Operator:
        """The described operator, or the one that an open world makes up for this PLMN."""
        return self._operators.get(plmn) or Operator(plmn, f"Virtual {plmn}", f"V{plmn}")

    def service(self, subscriber: Subscriber, plmn: str) -> Service:
        """What `plmn` grants to `subscriber` now."""
        matching = [
            (len(prefix), bool(network), service)
            for (prefix, network), service in self._services.items()
            if subscriber.imsi.startswith(prefix) and network in ("", plmn)
        ]
        return max(matching, key=lambda entry: entry[:2])[2] if matching else self.default_service

    def visible(self, subscriber: Subscriber | None) -> list[Operator]:
        """Operators with coverage, the subscriber's home first, then the stronger ones."""
        operators = dict(self._operators)
        if subscriber is not None and self.open_world:
            operators.setdefault(subscriber.home, self.operator(subscriber.home))
        found = [
            (operator, operator.signal)
            for operator in operators.values()
            if operator.signal is not None and (subscriber is None or self.service(subscriber, operator.plmn).coverage)
        ]
        home = subscriber.home if subscriber is not None else ""
        found.sort(key=lambda entry: (entry[0].plmn != home, -entry[1].rsrp))
        return [operator for operator, _ in found]

    def reject_cause(self, subscriber: Subscriber, operator: Operator) -> int | None:
        """EMM cause with which the operator refuses the subscriber, None when it takes it."""
        service = self.service(subscriber, operator.plmn)
        if service.reject_cause is not None:
            return service.reject_cause
        foreign = operator.plmn != subscriber.home
        if foreign and operator.partners is not None and subscriber.home not in operator.partners:
            return 11
        return None

    def enrol(self, imsi: str, key: AkaKey) -> None:
        """Give the operator the key of a subscriber, who is challenged at each registration from now on."""
        self._centre[imsi] = _AuthenticationRecord(key)

    def authenticate(self, subscriber: Subscriber, answer: Challenged) -> bool:
        """Challenge a subscriber (TS 33.102 6.3.3), once more after a synchronisation failure.

        A subscriber whose key was not given to the operator is believed, as all are in an open world.
        """
        record = self._centre.get(subscriber.imsi)
        if record is None or not record.key.known:
            return True
        for _ in range(2):
            record.sqn = aka.following(record.sqn)
            rand, autn, expected = aka.challenge(record.key, record.sqn)
            reply = answer(rand, autn) or b""
            if reply[:1] == _SUCCESSFUL:
                return reply[2 : 2 + reply[1]] == expected
            own = aka.resynchronised(record.key, rand, reply[2:16]) if reply[:2] == _OUT_OF_STEP else None
            if own is None:
                return False
            record.sqn = own
        return False

    def open_session(
        self, subscriber: Subscriber, plmn: str, apn: str, pdp_type: str
    ) -> PacketSession | SessionRefusal:
        """Set a packet session up: IPv4 only, whatever else is asked for."""
        service = self.service(subscriber, plmn)
        if service.session_cause is not None:
            return SessionRefusal(service.session_cause)
        if pdp_type not in ("IP", "IPV4V6"):
            return SessionRefusal(EsmCause.IPV4_ONLY_ALLOWED)
        address = self._pool.take()
        if address is None:
            return SessionRefusal(26)
        return PacketSession(address, self._pool.gateway, ("10.64.255.53", "10.64.255.54"), apn or "internet")

    def close_session(self, session: PacketSession) -> None:
        """Give the address back."""
        self._pool.release(session.address)

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()
