"""ES10b.PrepareDownload: the one-time key for a Bound Profile Package (SGP.22 5.7.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hil import codec, crypto, tlv
from hil.euicc.engine import Engine, decode
from hil.euicc.mutual_authentication import RefusedError, check_curve
from hil.euicc.session import AuthenticatedServer, PreparedDownload
from hil.euicc.state import OneTimeKey
from hil.pki.certificates import ROLE_DP_PB
from hil.pki.chain import ChainError, parse, registered_id, verify_server

_SIGNATURE: Final = 0x5F37
_INVALID_CERTIFICATE: Final = 1
_INVALID_SIGNATURE: Final = 2
_NO_SESSION_CONTEXT: Final = 4
_INVALID_TRANSACTION_ID: Final = 5


def prepare_download(engine: Engine, request: bytes) -> bytes:
    """Check the SM-DP+, make or find the one-time key, sign euiccSigned2."""
    members = decode("PrepareDownloadRequest", request)
    parts = tlv.children(tlv.single(request).value)
    signed2, signature2 = parts[0].raw, next(part.raw for part in parts if part.tag == _SIGNATURE)
    transaction_id = members["smdpSigned2"]["transactionId"]
    try:
        code = engine.forced("downloadErrorCode")
        if code is not None:
            raise RefusedError(code)
        server = _check(engine, members, signed2)
    except RefusedError as error:
        engine.session.end()
        failure = {"transactionId": transaction_id, "downloadErrorCode": error.code}
        return codec.encode("PrepareDownloadResponse", ("downloadResponseError", failure))
    key = _one_time_key(engine, server, members["smdpCertificate"], members["smdpSigned2"].get("bppEuiccOtpk"))
    value: dict[str, Any] = {"transactionId": transaction_id, "euiccOtpk": crypto.point(key)}
    if "hashCc" in members:
        value["hashCc"] = members["hashCc"]
    signed = codec.encode("EUICCSigned2", value)
    engine.session.prepared = PreparedDownload(members["smdpCertificate"], key)
    signature = tlv.build(_SIGNATURE, server.key.sign(signed + signature2))
    return tlv.build(0xBF21, tlv.build(0xA0, signed, signature))


def _check(engine: Engine, members: dict[str, Any], signed2: bytes) -> AuthenticatedServer:
    """All checks in the order of 5.7.5. Raises RefusedError."""
    server = engine.session.server
    if server is None or not server.provisioning:
        raise RefusedError(_NO_SESSION_CONTEXT)
    certificate = members["smdpCertificate"]
    check_curve(certificate)
    try:
        ci_pkid = verify_server(certificate, engine.keyring.authorities, ROLE_DP_PB)
    except ChainError as error:
        raise RefusedError(_INVALID_CERTIFICATE) from error
    if ci_pkid != server.ci_pkid or registered_id(parse(certificate)) != server.oid:
        raise RefusedError(_INVALID_CERTIFICATE)
    key = crypto.public_key_from_certificate(certificate)
    if not crypto.verify(key, members["smdpSignature2"], signed2 + server.signature1):
        raise RefusedError(_INVALID_SIGNATURE)
    if members["smdpSigned2"]["transactionId"] != server.transaction_id:
        raise RefusedError(_INVALID_TRANSACTION_ID)
    return server


def _one_time_key(
    engine: Engine, server: AuthenticatedServer, certificate: bytes, wanted: bytes | None
) -> crypto.PrivateKey:
    """The pair that the SM-DP+ bound the profile to before, if it is still there; else a fresh one, stored at once."""
    curve = crypto.curve_of(crypto.public_key_from_certificate(certificate))
    for stored in engine.state.one_time_keys:
        if wanted is not None and stored.smdp_oid == server.oid and stored.public == wanted:
            return crypto.key_from_scalar(int.from_bytes(stored.scalar, "big"), curve)
    key = crypto.generate_key(curve)
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    others = tuple(stored for stored in engine.state.one_time_keys if stored.smdp_oid != server.oid)
    fresh = OneTimeKey(server.oid, crypto.point(key), scalar)
    engine.commit(replace(engine.state, one_time_keys=(*others, fresh)))
    return key
