"""Who may connect to a server of the agent: by address before anything else, by certificate in the handshake.

Nobody is let in without a rule. A rule names networks, a certificate, or both; then both must fit. A CA certificate
stands for the client certificates that it issued, any other one for its own key.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

from ipad.codec.x509 import Certificate
from ipad.errors import CodecError
from ipad.net import host_name
from ipad.records import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_QUIET: Final = 60.0
"""Seconds in which refusals of one server are counted and not logged: a port on the Internet is knocked at all day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRule:
    """One peer. `host` is the name that a certificate issued by the CA `certificate` must be for."""

    name: str
    networks: tuple[Network, ...] = ()
    certificate: Certificate | None = None
    host: str | None = None

    def covers(self, address: IpAddress) -> bool:
        """Whether the peer may come from this address."""
        return not self.networks or any(address in network for network in self.networks)

    def knows(self, chain: Sequence[Certificate], now: float) -> bool:
        """Whether the verified chain, the leaf first, is that of the peer.

        With a CA its certificate must be in the chain, and every date be right at `now`, seconds since 1970. A pinned
        certificate is its key, so dates do not count. Raises CodecError for a leaf whose names cannot be read.
        """
        if self.certificate is None:
            return True
        if not chain:
            return False
        if not self.certificate.is_ca:
            return chain[0].spki == self.certificate.spki
        if not any(above.der == self.certificate.der for above in chain[1:]):
            return False
        if not all(item.not_before <= now <= item.not_after for item in chain):
            return False
        return self.host is None or host_name.is_for(chain[0].der, self.host)


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """Who is connected: the name of the rule that let the peer in, and where it comes from."""

    name: str
    address: str


class PeerRules:
    """All rules, in the order in which they are tried. `now` is the best-known time in seconds since 1970."""

    def __init__(self, rules: Sequence[PeerRule], now: Callable[[], float]) -> None:
        self._rules = tuple(rules)
        self._now = now

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """What a client certificate may be or be issued by, each once."""
        found = (rule.certificate for rule in self._rules if rule.certificate is not None)
        return tuple({item.der: item for item in found}.values())

    def at(self, address: str) -> PeerRules:
        """The rules that an address leaves; false when it leaves none."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return PeerRules((), self._now)
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return PeerRules([rule for rule in self._rules if rule.covers(mapped or found)], self._now)

    @property
    def all_need_certificates(self) -> bool:
        """Whether a client without a certificate is refused in the handshake."""
        return all(rule.certificate is not None for rule in self._rules)

    def identify(self, chain: Sequence[bytes], address: str) -> PeerIdentity | None:
        """Who shows this verified chain (DER, the leaf first; empty for none) at an address that was let through."""
        try:
            certificates = [Certificate.parse(der) for der in chain]
            for rule in self._rules:
                if rule.knows(certificates, self._now()):
                    return PeerIdentity(rule.name, address)
        except CodecError:
            return None  # as unknown as any other certificate
        return None

    def __bool__(self) -> bool:
        return bool(self._rules)


class RefusalLog:
    """Says who was refused, but not each time."""

    def __init__(self, log: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._log = log
        self._monotonic = monotonic
        self._quiet_until = 0.0
        self._silent = 0
        self.count = 0

    def note(self, address: str, reason: str) -> None:
        """One more refusal."""
        self.count += 1
        now = self._monotonic()
        if now < self._quiet_until:
            self._silent += 1
            return
        others = f" ({self._silent} others since the last line)" if self._silent else ""
        self._log(f"refused {address}: {reason}{others}")
        self._quiet_until, self._silent = now + _QUIET, 0
