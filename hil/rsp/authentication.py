"""Common mutual authentication, the server's side (SGP.22 3.0.1, 5.6.1, 5.6.3, 5.8.1, 5.8.2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hil import codec, tlv
from hil.crypto import PublicKey, public_key_from_certificate, sign, verify
from hil.pki.chain import ChainError, Fault, verify_euicc
from hil.pki.pki import Credential
from hil.rsp import status
from hil.rsp.status import SMDP_CODES, AuthenticationCodes, RspStatus, StatusCode

_SIGNATURE = 0x5F37
_SEQUENCE = 0x30
_MIN_SVN = 2

_CHAIN_STATUS: dict[tuple[str, Fault], StatusCode] = {
    ("eum", Fault.UNKNOWN_CI): status.UNKNOWN_CI,
    ("eum", Fault.INVALID): status.EUM_INVALID,
    ("eum", Fault.EXPIRED): status.EUM_EXPIRED,
    ("euicc", Fault.INVALID): status.EUICC_INVALID,
    ("euicc", Fault.EXPIRED): status.EUICC_EXPIRED,
}


class Mistake(StrEnum):
    """What a server says wrong on demand, each found by another check of LPA or eUICC."""

    EUICC_CHALLENGE = "euicc-challenge"
    """serverSigned1 does not repeat the eUICC's challenge."""
    SERVER_ADDRESS = "server-address"
    """serverSigned1 names another server."""
    SERVER_SIGNATURE = "server-signature"
    """One bit of serverSignature1 is flipped."""
    UNKNOWN_CI = "unknown-ci"
    """euiccCiPKIdToBeUsed names a CI that the eUICC does not have."""
    EXPIRED_AUTH_CERTIFICATE = "expired-auth-certificate"
    FOREIGN_AUTH_CERTIFICATE = "foreign-auth-certificate"
    """CERT.DPauth (CERT.DSauth) under a CI that nobody knows."""
    EXPIRED_BINDING_CERTIFICATE = "expired-binding-certificate"
    OTHER_BINDING_OID = "other-binding-oid"
    """CERT.DPpb belongs to another SM-DP+ than CERT.DPauth."""
    SMDP_SIGNATURE = "smdp-signature"
    """One bit of smdpSignature2 is flipped."""
    SMDP_TRANSACTION = "smdp-transaction"
    """smdpSigned2 names another transaction."""


Forge = Callable[[Mistake, Credential], Credential]
"""Makes the wrong credential of a mistake, from the right one. Raises PkiError when it cannot be issued."""


@dataclass(frozen=True)
class Identity:
    """A server towards eUICCs: its address, its authentication certificate per CI, the CIs that it accepts.

    `address` is what it publishes, a host name, with a port if that is not the usual one. `credentials` and
    `authorities` are keyed by the key identifier of the CI.
    """

    address: str
    credentials: Mapping[bytes, Credential]
    authorities: Mapping[bytes, bytes]
    codes: AuthenticationCodes = SMDP_CODES
    port: int | None = None
    """The port that clients with an address of their own for this server use, if `address` has none."""

    @property
    def host(self) -> str:
        """The address without a port."""
        return self.address.partition(":")[0]

    def is_own(self, address: str) -> bool:
        """Whether a client means this server: by its name in any letters, with the port or without."""
        known = {self.address, self.host} | ({f"{self.host}:{self.port}"} if self.port else set())
        return address.lower() in {name.lower() for name in known}


@dataclass(frozen=True)
class Challenge:
    """What the server said in initiateAuthentication; objects are complete TLVs."""

    transaction_id: bytes
    server_challenge: bytes
    server_address: str
    ci_key_id: bytes
    server_signed1: bytes
    server_signature1: bytes
    certificate: bytes


@dataclass(frozen=True)
class AuthenticatedEuicc:
    """An eUICC whose certificates and signature were verified. `signature1` is the 5F37 TLV."""

    eid: str
    public_key: PublicKey
    certificate: bytes
    signature1: bytes
    info2: Mapping[str, Any]
    matching_id: str
    device_info: Mapping[str, Any]


class EuiccRefusedError(Exception):
    """The eUICC answered with the error form; the session is over."""


def challenge(
    identity: Identity,
    euicc_challenge: bytes,
    euicc_info1: bytes,
    address: str,
    *,
    mistakes: Collection[Mistake] = (),
    forge: Forge | None = None,
) -> Challenge:
    """Answer initiateAuthentication. Raises RspStatus."""
    if not identity.is_own(address):
        raise RspStatus(identity.codes.address, address)
    signing, verifying = _select(identity, euicc_challenge, euicc_info1)
    credential = identity.credentials[verifying]
    for mistake in (Mistake.EXPIRED_AUTH_CERTIFICATE, Mistake.FOREIGN_AUTH_CERTIFICATE):
        if mistake in mistakes and forge is not None:
            credential = forge(mistake, credential)
    own = identity.address
    transaction_id, server_challenge = secrets.token_bytes(16), secrets.token_bytes(16)
    signed = codec.encode(
        "ServerSigned1",
        {
            "transactionId": transaction_id,
            "euiccChallenge": bytes(16) if Mistake.EUICC_CHALLENGE in mistakes else euicc_challenge,
            "serverAddress": f"not-{own}" if Mistake.SERVER_ADDRESS in mistakes else own,
            "serverChallenge": server_challenge,
        },
    )
    signature = flipped(sign(credential.key, signed), Mistake.SERVER_SIGNATURE in mistakes)
    return Challenge(
        transaction_id,
        server_challenge,
        own,
        bytes(20) if Mistake.UNKNOWN_CI in mistakes else signing,
        signed,
        tlv.build(_SIGNATURE, signature),
        credential.certificate,
    )


def flipped(signature: bytes, wanted: bool) -> bytes:
    """The signature, with its last bit flipped if so wanted."""
    return signature[:-1] + bytes([signature[-1] ^ 1]) if wanted else signature


def _select(identity: Identity, euicc_challenge: bytes, euicc_info1: bytes) -> tuple[bytes, bytes]:
    """Key identifiers of the CIs under which the eUICC is to sign, and verifies (SGP.22 5.6.1). Raises RspStatus."""
    try:
        info = codec.decode("EUICCInfo1", euicc_info1)
    except codec.CodecError as error:
        raise RspStatus(status.MALFORMED, str(error)) from error
    if len(euicc_challenge) != 16:
        raise RspStatus(status.MALFORMED, f"euiccChallenge of {len(euicc_challenge)} bytes")
    if info["svn"][0] < _MIN_SVN:
        raise RspStatus(identity.codes.svn, ".".join(map(str, info["svn"])))
    signing = next((key for key in info["euiccCiPKIdListForSigning"] if key in identity.authorities), None)
    if signing is None:
        raise RspStatus(identity.codes.ci)
    verifying = next((key for key in info["euiccCiPKIdListForVerification"] if key in identity.credentials), None)
    if verifying is None:
        raise RspStatus(identity.codes.certificate)
    return signing, verifying


def authenticate(
    identity: Identity, asked: Challenge, response: bytes, *, at: datetime | None = None
) -> AuthenticatedEuicc:
    """Verify AuthenticateServerResponse (BF38). Raises RspStatus, or EuiccRefusedError for its error form."""
    try:
        arm = tlv.children(tlv.single(response, 0xBF38).value)[0]
        if arm.tag == 0xA1:
            raise EuiccRefusedError(f"authenticateErrorCode {tlv.find(arm.value, 0x02).value.hex()}")
        parts = tlv.children(arm.value)
        signed1, signature1, euicc, eum = parts[:4]
        fields = codec.decode("EuiccSigned1", signed1.raw)
    except (tlv.TlvError, codec.CodecError, IndexError, ValueError) as error:
        raise RspStatus(status.SIGNATURE_INVALID, f"AuthenticateServerResponse: {error}") from error
    if fields["transactionId"] != asked.transaction_id:
        raise RspStatus(status.UNKNOWN_TRANSACTION, "transactionId in euiccSigned1")
    try:
        eid, ci_key_id = verify_euicc(euicc.raw, eum.raw, identity.authorities, at=at)
    except ChainError as error:
        raise RspStatus(_CHAIN_STATUS[error.subject, error.fault], str(error)) from error
    if ci_key_id != asked.ci_key_id:
        raise RspStatus(status.UNKNOWN_CI, "the chain is not under the selected CI")
    key = public_key_from_certificate(euicc.raw)
    if signature1.tag != _SIGNATURE or not verify(key, signature1.value, signed1.raw):
        raise RspStatus(status.SIGNATURE_INVALID, "euiccSignature1")
    if fields["serverChallenge"] != asked.server_challenge or fields["serverAddress"] != asked.server_address:
        raise RspStatus(status.SIGNATURE_INVALID, "serverChallenge or serverAddress")
    context = fields["ctxParams1"][1]
    return AuthenticatedEuicc(
        eid, key, euicc.raw, signature1.raw, fields["euiccInfo2"], context.get("matchingId", ""), context["deviceInfo"]
    )
