"""What the eUICC signed is told apart from what was misread, without a library for it."""

from __future__ import annotations

import ctypes
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hil import crypto
from ipad.net.signatures import is_signed

DATA = bytes(range(256)) * 2
KEY = crypto.generate_key()


def certificate(key: crypto.PrivateKey) -> bytes:
    """A certificate of the key, in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "eUICC")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )


CERTIFICATE = certificate(KEY)


@pytest.mark.parametrize("curve", list(crypto.Curve), ids=str)
def test_genuine_signatures_are_recognised(curve: crypto.Curve) -> None:
    key = crypto.generate_key(curve)
    mine = certificate(key)
    # So many that some numbers begin with a zero, and some with a bit that a DER INTEGER takes for a sign.
    for number in range(600):
        data = number.to_bytes(2, "big")
        assert is_signed(data, crypto.sign(key, data), mine) is True


def test_every_bit_that_falls_over_is_noticed() -> None:
    signature = crypto.sign(KEY, DATA)
    for bit in range(0, len(DATA) * 8, 41):
        assert is_signed(flipped(DATA, bit), signature, CERTIFICATE) is False
    for bit in range(len(signature) * 8):
        assert is_signed(DATA, flipped(signature, bit), CERTIFICATE) is False


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("signature", [b"", bytes(64), b"\xff" * 64, bytes(70)], ids=["none", "zeros", "ones", "long"])
def test_what_is_no_signature_signs_nothing(signature: bytes) -> None:
    assert is_signed(DATA, signature, CERTIFICATE) is False


def test_signature_that_is_cut_off_signs_nothing() -> None:
    assert is_signed(DATA, crypto.sign(KEY, DATA)[:-1], CERTIFICATE) is False


@pytest.mark.parametrize("missing", [1, 10, 100])
def test_certificate_that_cannot_be_read_says_no(missing: int) -> None:
    for cut in (CERTIFICATE[:-missing], CERTIFICATE[missing:], b""):
        assert is_signed(DATA, crypto.sign(KEY, DATA), cut) is False


def test_certificate_of_another_key_says_no() -> None:
    assert is_signed(DATA, crypto.sign(KEY, DATA), certificate(crypto.generate_key())) is False


def test_without_the_library_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> ctypes.CDLL:
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", missing)
    assert is_signed(DATA, crypto.sign(KEY, DATA), CERTIFICATE) is None
