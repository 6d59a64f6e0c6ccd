"""Mutual authentication with a SM-DP+ or SM-DS, and giving a session up (SGP.22 5.7.13 and 5.7.14)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hil import codec, tlv
from hil.crypto import CryptoError, curve_of, public_key_from_certificate, verify
from hil.euicc import status
from hil.euicc.engine import Engine, decode
from hil.euicc.errors import StatusError
from hil.euicc.information import euicc_info2
from hil.euicc.keyring import SigningKey
from hil.euicc.session import AuthenticatedServer
from hil.pki.certificates import ROLE_DP_AUTH, ROLE_DS_AUTH
from hil.pki.chain import ChainError, parse, registered_id, roles, verify_server

_SIGNATURE: Final = 0x5F37
_INVALID_CERTIFICATE: Final = 1
_INVALID_SIGNATURE: Final = 2
_UNSUPPORTED_CURVE: Final = 3
_NO_SESSION_CONTEXT: Final = 4
_INVALID_OID: Final = 5
_EUICC_CHALLENGE_MISMATCH: Final = 6
_CI_PK_UNKNOWN: Final = 7
_INVALID_TRANSACTION_ID: Final = 5


class RefusedError(Exception):
    """A check failed; the answer is the error form with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


def authenticate_server(engine: Engine, request: bytes) -> bytes:
    """ES10b.AuthenticateServer (5.7.13). An error drops the session."""
    members = decode("AuthenticateServerRequest", request)
    parts = tlv.children(tlv.single(request).value)
    signed1 = parts[0].raw
    context = next((part.raw for part in parts if part.tag == 0xA0), None)
    if context is None:
        raise StatusError(status.WRONG_DATA)
    transaction_id = members["serverSigned1"]["transactionId"]
    try:
        code = engine.forced("authenticateErrorCode")
        if code is not None:
            raise RefusedError(code)
        server = _check(engine, members, signed1)
    except RefusedError as error:
        engine.session.end()
        failure = {"transactionId": transaction_id, "authenticateErrorCode": error.code}
        return codec.encode("AuthenticateServerResponse", ("authenticateResponseError", failure))
    signed = tlv.build(
        0x30,
        tlv.build(0x80, transaction_id),
        tlv.build(0x83, server.address.encode()),
        tlv.build(0x84, members["serverSigned1"]["serverChallenge"]),
        euicc_info2(engine),
        context,
    )
    signature1 = tlv.build(_SIGNATURE, server.key.sign(signed))
    engine.session.challenge = None
    engine.session.server = replace(server, signature1=signature1)
    ok = tlv.build(0xA0, signed, signature1, server.key.certificate, server.key.eum_certificate)
    return tlv.build(0xBF38, ok)


def cancel_session(engine: Engine, request: bytes) -> bytes:
    """ES10b.CancelSession (5.7.14): ends the session and signs the reason."""
    members = decode("CancelSessionRequest", request)
    server = engine.session.server
    code = engine.forced("cancelSessionResponseError")
    if code is None and (server is None or server.transaction_id != members["transactionId"]):
        code = _INVALID_TRANSACTION_ID
    if code is not None or server is None:
        return codec.encode("CancelSessionResponse", ("cancelSessionResponseError", code))
    signed = codec.encode(
        "EuiccCancelSessionSigned",
        {"transactionId": server.transaction_id, "smdpOid": server.oid, "reason": members["reason"]},
    )
    engine.session.end()
    signature = tlv.build(_SIGNATURE, server.key.sign(signed))
    return tlv.build(0xBF41, tlv.build(0xA0, signed, signature))


def check_curve(certificate: bytes) -> None:
    """Whether the card can calculate with the key of this certificate. Raises RefusedError."""
    try:
        key = public_key_from_certificate(certificate)
    except CryptoError as error:
        raise RefusedError(_INVALID_CERTIFICATE) from error
    try:
        curve_of(key)
    except CryptoError as error:
        raise RefusedError(_UNSUPPORTED_CURVE) from error


def _check(engine: Engine, members: dict[str, Any], signed1: bytes) -> AuthenticatedServer:
    """All checks in the order of 5.7.13. Raises RefusedError."""
    if engine.session.challenge is None:
        raise RefusedError(_NO_SESSION_CONTEXT)
    key: SigningKey | None = engine.keyring.find(members["euiccCiPKIdToBeUsed"])
    if key is None:
        raise RefusedError(_CI_PK_UNKNOWN)
    certificate = members["serverCertificate"]
    check_curve(certificate)
    try:
        parsed = parse(certificate)
        role = ROLE_DP_AUTH if ROLE_DP_AUTH in roles(parsed) else ROLE_DS_AUTH
        ci_pkid = verify_server(certificate, engine.keyring.authorities, role)
    except ChainError as error:
        raise RefusedError(_INVALID_CERTIFICATE) from error
    oid = registered_id(parsed)
    if oid is None:
        raise RefusedError(_INVALID_OID)
    if not verify(public_key_from_certificate(certificate), members["serverSignature1"], signed1):
        raise RefusedError(_INVALID_SIGNATURE)
    if members["serverSigned1"]["euiccChallenge"] != engine.session.challenge:
        raise RefusedError(_EUICC_CHALLENGE_MISMATCH)
    return AuthenticatedServer(
        members["serverSigned1"]["transactionId"],
        members["serverSigned1"]["serverAddress"],
        oid,
        ci_pkid,
        role == ROLE_DP_AUTH,
        key,
        b"",
    )
