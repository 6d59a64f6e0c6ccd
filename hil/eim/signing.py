"""Signed eUICC Package Requests (SGP.32 2.11.1.1, 5.9.1), right ones and deliberately wrong ones."""

from dataclasses import dataclass

from hil import crypto, tlv
from hil.eim.association import SigningFaults


@dataclass(frozen=True)
class PackageHeader:
    """The fields that precede the EuiccPackage in euiccPackageSigned."""

    eim_id: str
    eid: bytes
    counter: int
    transaction_id: bytes | None


def token_tlv(token: int | None) -> bytes:
    """The associationToken as it ends every signature input; zero when there is none."""
    return tlv.build(0x84, tlv.integer(token or 0))


def sign_package(
    key: crypto.PrivateKey, header: PackageHeader, package: bytes, token: int | None, faults: SigningFaults
) -> bytes:
    """EuiccPackageRequest (BF51) around `package` (A0 or A1 list in DER).

    The header is written by hand and not through a codec, so that values which no encoder would accept
    (an EID of another length, a negative counter) can be signed as well.
    """
    eim_id = header.eim_id if faults.eim_id is None else faults.eim_id
    eid = header.eid if faults.eid is None else faults.eid
    counter = header.counter if faults.counter is None else faults.counter
    parts = [
        tlv.build(0x80, eim_id.encode()),
        tlv.build(0x5A, eid),
        tlv.build(0x81, tlv.integer(counter)),
    ]
    if header.transaction_id is not None and not faults.no_transaction_id:
        parts.append(tlv.build(0x82, header.transaction_id))
    signed = tlv.build(0x30, *parts, package)
    signature = crypto.sign(key, signed + token_tlv(token if faults.token is None else faults.token))
    if faults.bad_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 0x01])
    return tlv.build(0xBF51, signed, tlv.build(0x5F37, signature))
