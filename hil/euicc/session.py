"""The RSP session: volatile, one at a time (SGP.22 5.7.7)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Protocol

from hil.crypto import PrivateKey
from hil.euicc.keyring import SigningKey


@dataclass(frozen=True, slots=True)
class FinishedDownload:
    """What a successful installation leaves for Immediate Profile Enabling."""

    iccid: bytes
    smdp_oid: str
    smdp_address: str


@dataclass(frozen=True, slots=True)
class AuthenticatedServer:
    """What AuthenticateServer established. `signature1` is the TLV 5F37 of euiccSignature1."""

    transaction_id: bytes
    address: str
    oid: str
    ci_pkid: bytes
    provisioning: bool
    """A SM-DP+ (role dp-auth), not a SM-DS."""
    key: SigningKey
    signature1: bytes


@dataclass(frozen=True, slots=True)
class PreparedDownload:
    """What PrepareDownload established: the key of CERT.DPpb in DER, and the one-time key pair."""

    binding_certificate: bytes
    one_time_key: PrivateKey = field(repr=False)


class SegmentLoader(Protocol):
    """A package on its way into the card."""

    def feed(self, data: bytes) -> bytes:
        """Take a segment; an answer is the result and ends the loading."""
        ...


@dataclass(slots=True)
class RspSession:
    """Begins with GetEUICCChallenge; a reset or the next challenge ends it."""

    challenge: bytes | None = None
    """The 16 octets that the server has to return; None when none is outstanding."""
    server: AuthenticatedServer | None = None
    prepared: PreparedDownload | None = None
    loader: SegmentLoader | None = None
    finished: FinishedDownload | None = None
    """The installation that this session ended with."""

    def begin(self) -> bytes:
        """A new challenge; everything of an earlier session is gone."""
        self.end()
        self.challenge = secrets.token_bytes(16)
        return self.challenge

    def end(self) -> None:
        """Forget the session."""
        self.challenge = None
        self.server = None
        self.prepared = None
        self.loader = None
        self.finished = None
