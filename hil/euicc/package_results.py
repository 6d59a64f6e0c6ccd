"""EuiccPackageResult: results and errors, signed and stored (SGP.32 2.11.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hil import codec, tlv
from hil.euicc.keyring import SigningKey
from hil.euicc.state import CardState, EimRecord, StoredResult


def package_result(  # one argument for each signed member
    key: SigningKey,
    eim: EimRecord,
    counter_value: int,
    transaction_id: bytes | None,
    number: int,
    results: list[bytes],
) -> bytes:
    """EuiccPackageResultSigned, TLV BF51{A0}. `results` are EuiccResultData TLVs."""
    data = tlv.build(
        0x30,
        _identification(eim.eim_id, counter_value, transaction_id),
        tlv.build(0x83, tlv.integer(number)),
        tlv.build(0x30, *results),
    )
    return _signed(0xA0, key, data, eim)


def signed_error(key: SigningKey, eim: EimRecord, counter_value: int, transaction_id: bytes | None, code: int) -> bytes:
    """EuiccPackageErrorSigned, TLV BF51{A1}."""
    data = tlv.build(
        0x30, _identification(eim.eim_id, counter_value, transaction_id), tlv.build(0x02, tlv.integer(code))
    )
    return _signed(0xA1, key, data, eim)


def unsigned_error(eim_id: str, transaction_id: bytes | None, token: int | None, code: int | None) -> bytes:
    """EuiccPackageErrorUnsigned, TLV BF51{A2}; `code` is euiccPackageUnsignedErrorCode of v1.3."""
    members: dict[str, Any] = {"eimId": eim_id}
    if transaction_id is not None:
        members["eimTransactionId"] = transaction_id
    if token is not None:
        members["associationToken"] = token
    if code is not None:
        members["euiccPackageUnsignedErrorCode"] = code
    return codec.encode("EuiccPackageResult", ("euiccPackageErrorUnsigned", members))


def with_result(state: CardState, number: int, result: bytes, capacity: int) -> CardState:
    """Store a result under the next sequence number; the oldest goes when the store is full."""
    kept = (*state.results, StoredResult(number, result))[-capacity:]
    return replace(state, results=kept, next_sequence_number=number + 1)


def _identification(eim_id: str, counter_value: int, transaction_id: bytes | None) -> bytes:
    return (
        tlv.build(0x80, eim_id.encode())
        + tlv.build(0x81, tlv.integer(counter_value))
        + (tlv.build(0x82, transaction_id) if transaction_id is not None else b"")
    )


def _signed(alternative: int, key: SigningKey, data: bytes, eim: EimRecord) -> bytes:
    signature = tlv.build(0x5F37, key.sign(data + eim.token_tlv()))
    return tlv.build(0xBF51, tlv.build(alternative, data, signature))
