"""The networks themselves: one place where everything about coverage and service is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hil.aka import AkaKey
from hil.network.addresses import AddressPool, PacketSession, SessionRefusal
from hil.network.authentication import AuthenticationCentre, Challenged
from hil.network.operators import EsmCause, Operator, Service, Signal, Subscriber


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
        self._centre = AuthenticationCentre()
        self._antenna = True

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

    def entry(self, *, imsi: str = "", plmn: str = "") -> Service | None:
        """The entry of `set_service` under exactly these keys."""
        return self._services.get((imsi, plmn))

    def drop_service(self, *, imsi: str = "", plmn: str = "") -> None:
        """Forget one entry of `set_service`."""
        self._services.pop((imsi, plmn), None)
        self._changed()

    @property
    def antenna(self) -> bool:
        """Whether the device has an antenna."""
        return self._antenna

    def set_antenna(self, *, connected: bool) -> None:
        """Without an antenna nothing at all is received."""
        self._antenna = connected
        self._changed()

    def clear_services(self) -> None:
        """Forget every entry of `set_service`."""
        self._services.clear()
        self._changed()

    def operator(self, plmn: str) -> Operator:
        """The described operator, or the one that an open world makes up for this PLMN."""
        return self._operators.get(plmn) or Operator(plmn, f"Virtual {plmn}", f"V{plmn}")

    def service(self, subscriber: Subscriber, plmn: str) -> Service:
        """What `plmn` grants to `subscriber` now; where cells are barred no packet gets through."""
        granted = self._granted(subscriber, plmn)
        return replace(granted, data=False) if self.operator(plmn).barred else granted

    def _granted(self, subscriber: Subscriber, plmn: str) -> Service:
        matching = [
            (len(prefix), bool(network), service)
            for (prefix, network), service in self._services.items()
            if subscriber.imsi.startswith(prefix) and network in ("", plmn)
        ]
        return max(matching, key=lambda entry: entry[:2])[2] if matching else self.default_service

    def visible(self, subscriber: Subscriber | None) -> list[Operator]:
        """Operators with coverage, the subscriber's home first, then the stronger ones; none without an antenna."""
        if not self._antenna:
            return []
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
        self._centre.enrol(imsi, key)

    def authenticate(self, subscriber: Subscriber, answer: Challenged) -> bool:
        """Challenge a subscriber; who was never enrolled is believed."""
        return self._centre.authenticate(subscriber.imsi, answer)

    def open_session(
        self, subscriber: Subscriber, plmn: str, apn: str, pdp_type: str
    ) -> PacketSession | SessionRefusal:
        """Set a packet session up: IPv4 only, whatever else is asked for."""
        service = self.service(subscriber, plmn)
        if service.session_cause is not None:
            return SessionRefusal(service.session_cause)
        if apn and service.apns and apn.lower() not in (known.lower() for known in service.apns):
            return SessionRefusal(EsmCause.UNKNOWN_APN)
        if pdp_type not in ("IP", "IPV4V6"):
            return SessionRefusal(EsmCause.IPV4_ONLY_ALLOWED)
        address = self._pool.take()
        if address is None:
            return SessionRefusal(26)
        return PacketSession(
            address, self._pool.gateway, ("10.64.255.53", "10.64.255.54"), apn or next(iter(service.apns), "internet")
        )

    def close_session(self, session: PacketSession) -> None:
        """Give the address back."""
        self._pool.release(session.address)

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()
