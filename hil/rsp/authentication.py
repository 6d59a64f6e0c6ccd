"""Common mutual authentication, the server's side (SGP.22 3.0.1, 5.6.1, 5.6.3, 5.8.1, 5.8.2)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hil import codec, tlv
from hil.crypto import PublicKey, public_key_from_certificate, sign, verify
from hil.pki.chain import ChainError, Fault, verify_euicc
from hil.pki.pki import Credential
from hil.rsp import status
from hil.rsp.status import RspStatus, StatusCode

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


@dataclass(frozen=True)
class Identity:
    """A server towards eUICCs: its name, its authentication certificate per CI, the CIs that it accepts.

    `credentials` and `authorities` are keyed by the key identifier of the CI.
    """

    address: str
    credentials: Mapping[bytes, Credential]
    authorities: Mapping[bytes, bytes]
    wrong_address: StatusCode = status.INVALID_SMDP_ADDRESS


@dataclass(frozen=True)
class Challenge:
    """What the server said in initiateAuthentication; objects are complete TLVs."""

    transaction_id: bytes
    server_challenge: bytes
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


def challenge(identity: Identity, euicc_challenge: bytes, euicc_info1: bytes, address: str) -> Challenge:
    """Answer initiateAuthentication. Raises RspStatus."""
    if address.lower() != identity.address.lower():
        raise RspStatus(identity.wrong_address, address)
    try:
        info = codec.decode("EUICCInfo1", euicc_info1)
    except codec.CodecError as error:
        raise RspStatus(status.MALFORMED, str(error)) from error
    if len(euicc_challenge) != 16:
        raise RspStatus(status.MALFORMED, f"euiccChallenge of {len(euicc_challenge)} bytes")
    if info["svn"][0] < _MIN_SVN:
        raise RspStatus(status.SVN_NOT_SUPPORTED, ".".join(map(str, info["svn"])))
    signing = next((key for key in info["euiccCiPKIdListForSigning"] if key in identity.authorities), None)
    if signing is None:
        raise RspStatus(status.CI_NOT_SUPPORTED)
    verifying = next((key for key in info["euiccCiPKIdListForVerification"] if key in identity.credentials), None)
    if verifying is None:
        raise RspStatus(status.NO_CERTIFICATE_FOR_CI)
    credential = identity.credentials[verifying]
    transaction_id, server_challenge = secrets.token_bytes(16), secrets.token_bytes(16)
    signed = codec.encode(
        "ServerSigned1",
        {
            "transactionId": transaction_id,
            "euiccChallenge": euicc_challenge,
            "serverAddress": identity.address,
            "serverChallenge": server_challenge,
        },
    )
    signature = tlv.build(_SIGNATURE, sign(credential.key, signed))
    return Challenge(transaction_id, server_challenge, signing, signed, signature, credential.certificate)


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
    if fields["serverChallenge"] != asked.server_challenge or fields["serverAddress"] != identity.address:
        raise RspStatus(status.SIGNATURE_INVALID, "serverChallenge or serverAddress")
    context = fields["ctxParams1"][1]
    return AuthenticatedEuicc(
        eid, key, euicc.raw, signature1.raw, fields["euiccInfo2"], context.get("matchingId", ""), context["deviceInfo"]
    )
