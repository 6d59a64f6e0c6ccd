"""What a modem said about registration and card, line by line, as facts. Sans-IO: time is a parameter."""

from __future__ import annotations

from typing import Final

from ipad.board import Board
from ipad.board.values import Technology
from ipad.ids import Iccid, Plmn
from ipad.modem.facts import RegistrationFact, SignalFact, SimFact
from ipad.modem.network import Operator
from ipad.modem.registration import (
    Registration,
    RegistrationStatus,
    packet_registration,
    technology_of,
)
from ipad.modem.signal import Signal
from ipad.modem.sim import SimCondition

_PREFERRED: Final[tuple[Technology, ...]] = ("lte", "lte-m", "nb-iot", "nr5g", "umts", "gsm")


class RadioView:
    """Registration in all domains, the serving network, the signal."""

    def __init__(self, board: Board) -> None:
        self._rats = board.rats
        self._order = board.registration.domains
        self._domains: dict[str, Registration] = {}
        self._plmn: Plmn | None = None
        self._plmn_area: tuple[str, int | None] | None = None
        self._technology: Technology | None = None
        self._reported_cause: int | None = None
        self.heard = False
        """Whether the modem ever said anything about registration."""

    @property
    def packet(self) -> Registration | None:
        """What all domains say about packet data together; None when none of them says anything."""
        return packet_registration(self._domains, self._order)

    @property
    def registered(self) -> bool:
        """Whether packet data can flow."""
        packet = self.packet
        return packet is not None and packet.stat.data_capable

    @property
    def denied_without_cause(self) -> bool:
        """Whether the network refuses, and the line does not say why."""
        packet = self.packet
        denied = packet is not None and packet.stat is RegistrationStatus.DENIED
        return denied and packet is not None and packet.reject_cause is None

    @property
    def network_unknown(self) -> bool:
        """Whether the serving network has to be read: after a registration, or in another tracking area."""
        packet = self.packet
        return packet is not None and packet.stat.data_capable and self._area(packet) != self._plmn_area

    def differs(self, entry: Registration) -> bool:
        """Whether this domain was last told to be in another state."""
        known = self._domains.get(entry.domain)
        return known is not None and known.stat is not entry.stat

    def take(self, entry: Registration) -> None:
        """One domain, from an event or an answer."""
        self.heard = True
        self._domains[entry.domain] = entry
        packet = self.packet
        if packet is None or not packet.stat.data_capable:
            self._plmn = self._plmn_area = None
        if packet is None or packet.stat is not RegistrationStatus.DENIED:
            self._reported_cause = None
        technology = technology_of(packet.technology, self._rats) if packet is not None else None
        self._technology = technology or self._technology

    def replace(self, domains: dict[str, Registration]) -> None:
        """All that the modem answers now; a domain that it does not answer is none."""
        self._domains = {name: entry for name, entry in self._domains.items() if name in domains}
        for entry in domains.values():
            self.take(entry)

    def forget(self) -> None:
        """The modem restarted."""
        self._domains.clear()
        self._plmn = self._plmn_area = self._reported_cause = None

    def serve(self, operator: Operator | None) -> None:
        """The serving network as AT+COPS? says; None when it does not."""
        packet = self.packet
        if packet is None or not packet.stat.data_capable:
            return
        self._plmn = operator.plmn if operator is not None else None
        self._plmn_area = self._area(packet)
        if operator is not None and packet.technology is None:
            self._technology = technology_of(operator.technology, self._rats) or self._technology

    def refuse(self, cause: int | None) -> None:
        """The cause that another command tells."""
        self._reported_cause = cause

    def registration(self) -> RegistrationFact:
        """The present state."""
        packet = self.packet
        if packet is None:
            return RegistrationFact(status=RegistrationStatus.UNKNOWN)
        denied = packet.stat is RegistrationStatus.DENIED
        cause = packet.reject_cause if packet.reject_cause is not None else self._reported_cause
        return RegistrationFact(
            status=packet.stat,
            technology=self._technology if packet.stat.data_capable else technology_of(packet.technology, self._rats),
            cause=cause if denied else None,
            plmn=self._plmn if packet.stat.data_capable else None,
            domain=packet.domain,
        )

    def signal(self, signal: Signal | None) -> SignalFact:
        """A measurement, in the technology that it shows itself, or that of the registration, or the usual one."""
        usual = next((technology for technology in _PREFERRED if technology in self._rats), _PREFERRED[0])
        if signal is None:
            return SignalFact(technology=self._technology or usual, dbm=None, signal=Signal())
        technology = self._technology
        shown = signal.carrier(self._rats)
        if shown is not None and (technology is None or signal.reference(technology) is None or signal.technology):
            technology = shown
        technology = technology or usual
        return SignalFact(technology=technology, dbm=signal.reference(technology), signal=signal)

    def _area(self, entry: Registration) -> tuple[str, int | None]:
        return entry.domain, entry.area


class SimView:
    """The profile that the modem shows. `settle`: seconds that a card may need to start, in which it shows none."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._none_since: float | None = None
        self._shown_once = False
        self._settled = True

    @property
    def pending(self) -> bool:
        """Whether the next look should come soon: the card may be starting."""
        return not self._settled

    def see(self, iccid: Iccid | None, condition: SimCondition, now: float) -> SimFact | None:
        """What one look found; None while it says nothing: the card may be starting, or the modem tells no ICCID."""
        if iccid is not None:
            self._none_since, self._settled, self._shown_once = None, True, True
            return SimFact(iccid=iccid, condition=condition)
        usable = condition in (SimCondition.READY, SimCondition.LOCKED)
        if usable or (condition is SimCondition.UNKNOWN and not self._shown_once):
            self._none_since, self._settled = None, True
            return None
        if self._none_since is None:
            self._none_since = now
        self._settled = now - self._none_since >= self._settle
        return SimFact(iccid=None, condition=condition) if self._settled else None
