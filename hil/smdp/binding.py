"""Binding a profile to one eUICC: key agreement and segments (SGP.22 2.5.4, 2.6.4, 3.1.3, Annex G)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from hil import tlv
from hil.crypto import (
    PrivateKey,
    SessionKeys,
    curve_of,
    point,
    public_key_from_point,
    session_keys,
    shared_secret,
    sign,
)
from hil.pki.pki import Credential
from hil.scp03t import MAX_ENCRYPTED, MAX_PLAIN, SecureChannel
from hil.smdp.flaws import PackageFlaw, damaged

HOST_ID = b"hil-smdp"
_OTPK = 0x5F49
_INSTALL_BOUND_PROFILE_PACKAGE = b"\x01"
_CONFIGURE_ISDP = bytes.fromhex("BF2400")


@dataclass(frozen=True)
class Binding:
    """A package protected for one pair of one-time keys; what must be kept for a retry."""

    euicc_otpk: bytes
    smdp_otpk: bytes
    host_id: bytes
    protected: bytes = field(repr=False)
    """The TLVs A0, A1, optionally A2, and A3."""


def bind(
    package: bytes,
    metadata: bytes,
    eid: str,
    euicc_otpk: bytes,
    *,
    one_time: PrivateKey,
    host_id: bytes = HOST_ID,
    protection_keys: bool = False,
) -> Binding:
    """Protect a package for an eUICC. `one_time` is otSK.DP, a fresh key on the curve of CERT.DPpb.

    Raises CryptoError for an `euicc_otpk` that is no point of that curve.
    """
    secret = shared_secret(one_time, public_key_from_point(euicc_otpk, curve_of(one_time)))
    keys = session_keys(secret, host_id, bytes.fromhex(eid))
    protected = _protect(package, metadata, keys, protection_keys=protection_keys)
    return Binding(euicc_otpk, point(one_time), host_id, protected)


def assemble(binding: Binding, transaction_id: bytes, signer: Credential, flaw: PackageFlaw | None = None) -> bytes:
    """The BoundProfilePackage TLV (BF36) for a session; only InitialiseSecureChannel belongs to the session.

    A flaw of that object is made before it is signed, so that nothing but the flaw is wrong.
    """
    operation = b"\x02" if flaw is PackageFlaw.OPERATION else _INSTALL_BOUND_PROFILE_PACKAGE
    if flaw is PackageFlaw.TRANSACTION:
        transaction_id = bytes(len(transaction_id))
    key_type = b"\x80\x01\x80" if flaw is PackageFlaw.KEY_TYPE else b"\x80\x01\x88"
    template = tlv.build(0xA6, key_type + b"\x81\x01\x10", tlv.build(0x84, binding.host_id))
    one_time = b"\x04" + bytes(64) if flaw is PackageFlaw.POINT else binding.smdp_otpk
    head = tlv.build(0x82, operation) + tlv.build(0x80, transaction_id) + template + tlv.build(_OTPK, one_time)
    signature = sign(signer.key, head + tlv.build(_OTPK, binding.euicc_otpk))
    package = tlv.build(0xBF36, tlv.build(0xBF23, head, tlv.build(0x5F37, signature)), binding.protected)
    return package if flaw is None else damaged(package, flaw)


def _protect(package: bytes, metadata: bytes, keys: SessionKeys, *, protection_keys: bool) -> bytes:
    channel = SecureChannel(keys)
    parts = [tlv.build(0xA0, channel.protect(0x87, _CONFIGURE_ISDP))]
    parts.append(tlv.build(0xA1, *(channel.protect(0x88, piece) for piece in _pieces(metadata, MAX_PLAIN))))
    if protection_keys:
        own = SessionKeys(*(secrets.token_bytes(16) for _ in range(3)))
        request = tlv.build(
            0xBF26,
            tlv.build(0x80, own.initial_chaining),
            tlv.build(0x81, own.encryption),
            tlv.build(0x82, own.mac),
        )
        parts.append(tlv.build(0xA2, channel.protect(0x87, request)))
        channel = SecureChannel(own)
    parts.append(tlv.build(0xA3, *(channel.protect(0x86, piece) for piece in _pieces(package, MAX_ENCRYPTED))))
    return b"".join(parts)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))
