"""What is measured: transports, how a connection begins, and procedures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hil.eim.knobs import BindingName
from hil.eim.tls import TlsVersion


class Transport(StrEnum):
    """A binding of ESipa and what protects it."""

    ASN1_TLS12 = "https-asn1-tls1.2"
    ASN1_TLS13 = "https-asn1-tls1.3"
    JSON_TLS12 = "https-json-tls1.2"
    JSON_TLS13 = "https-json-tls1.3"
    COAPS = "coaps"

    @property
    def binding(self) -> BindingName:
        """How messages are written."""
        if self is Transport.COAPS:
            return BindingName.COAPS
        return BindingName.JSON if self in (Transport.JSON_TLS12, Transport.JSON_TLS13) else BindingName.ASN1

    @property
    def tls(self) -> TlsVersion:
        """The version of TLS; of CoAPS the one that its DTLS is made of."""
        return TlsVersion.V1_3 if self in (Transport.ASN1_TLS13, Transport.JSON_TLS13) else TlsVersion.V1_2

    @property
    def heading(self) -> str:
        """For people."""
        if self is Transport.COAPS:
            return "CoAPS, DTLS 1.2"
        return f"HTTPS {self.binding.upper().replace('ASN1', 'ASN.1')}, TLS {self.tls}"


class Start(StrEnum):
    """What agent and server know of each other at the first message."""

    COLD = "cold"
    """Nothing: a process that has just started."""
    RESUMED = "resumed"
    """A session of an earlier poll of the same process."""
    LIVE = "live"
    """An association that an earlier message of the same run opened."""


class Procedure(StrEnum):
    """What an agent does for an eIM (SGP.32 3.3.1, 3.2.3.2)."""

    IDLE = "idle"
    ENABLE = "enable"
    DOWNLOAD = "download"

    @property
    def heading(self) -> str:
        """For people."""
        match self:
            case Procedure.IDLE:
                return "Idle poll"
            case Procedure.ENABLE:
                return "Enable a profile, with its result"
            case Procedure.DOWNLOAD:
                return "Indirect download of 60 kB"


@dataclass(frozen=True, order=True)
class Row:
    """One line of the table."""

    procedure: Procedure
    transport: Transport
    start: Start

    @property
    def name(self) -> str:
        """As in `idle/coaps/live`."""
        return f"{self.procedure}/{self.transport}/{self.start}"


def rows() -> Iterator[Row]:
    """All of them, in the order of the table."""
    for procedure in Procedure:
        for transport in Transport:
            for start in Start:
                if start is not Start.LIVE or transport is Transport.COAPS:
                    yield Row(procedure, transport, start)
