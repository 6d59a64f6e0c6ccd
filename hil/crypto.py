"""Cryptography of remote SIM provisioning (SGP.22 v2.6 section 2.6; BSI TR-03111; GlobalPlatform SCP03t).

Signatures are ECDSA with SHA-256 in the plain format r || s, 64 bytes. Signing uses the deterministic nonce of RFC 6979
where the library can, so that test data can be made again byte for byte.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import cmac, hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from hil import tlv

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

_HALF = 32
_KEY_TYPE_AES = 0x88
_KEY_LENGTH = 16


class CryptoError(ValueError):
    """A key, point or certificate that cannot be used."""


class Curve(Enum):
    """The curves that a card may support (SGP.22 section 2.6.7.1)."""

    P256 = "secp256r1"
    BRAINPOOL = "brainpoolP256r1"

    @property
    def parameters(self) -> ec.EllipticCurve:
        """The curve as the library names it."""
        return ec.SECP256R1() if self is Curve.P256 else ec.BrainpoolP256R1()


P256 = Curve.P256
BRAINPOOL = Curve.BRAINPOOL


def generate_key(curve: Curve = P256) -> PrivateKey:
    """Make a random key."""
    return ec.generate_private_key(curve.parameters)


def key_from_scalar(scalar: int, curve: Curve = P256) -> PrivateKey:
    """Make the key with this private scalar."""
    return ec.derive_private_key(scalar, curve.parameters)


def curve_of(key: PrivateKey | PublicKey) -> Curve:
    """The curve of a key; CryptoError for one that cards do not use."""
    try:
        return Curve(key.curve.name)
    except ValueError as error:
        raise CryptoError(f"curve {key.curve.name} is not used here") from error


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign in the plain format: r || s, 64 bytes."""
    r, s = decode_dss_signature(key.sign(data, _signing()))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def verify(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether a plain signature of exactly 64 bytes is good."""
    if len(signature) != 2 * _HALF:
        return False
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    return verify_der(key, encode_dss_signature(r, s), data)


def verify_der(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether a signature in the form of X.509 is good: SEQUENCE {r, s}."""
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def verify_lenient(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Like `verify`; a signature of another length is tried as DER, which some software peers put into 5F37."""
    return verify(key, signature, data) if len(signature) == 2 * _HALF else verify_der(key, signature, data)


def spki(key: PrivateKey | PublicKey) -> bytes:
    """SubjectPublicKeyInfo of a key, DER."""
    return _public(key).public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def point(key: PrivateKey | PublicKey) -> bytes:
    """The uncompressed point 04 || X || Y, 65 bytes, as in tag 5F49."""
    return _public(key).public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def key_identifier(key: PrivateKey | PublicKey) -> bytes:
    """SubjectKeyIdentifier: SHA-1 of the public key bits (RFC 5280 4.2.1.2 method 1)."""
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303 - the identifier is defined so, nothing relies on its strength
    digest.update(point(key))
    return digest.finalize()


def public_key_from_spki(der: bytes) -> PublicKey:
    """Read a SubjectPublicKeyInfo."""
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CryptoError(f"not a SubjectPublicKeyInfo: {error}") from error
    if not isinstance(key, PublicKey):
        raise CryptoError("the public key is not one of an elliptic curve")
    return key


def public_key_from_certificate(der: bytes) -> PublicKey:
    """Take the public key out of an X.509 certificate; nothing else of it is judged."""
    try:
        fields = tlv.children(tlv.find(der, 0x30, 0x30).value)
        index = 6 if fields[0].tag == 0xA0 else 5  # version is optional
        return public_key_from_spki(fields[index].raw)
    except (tlv.TlvError, IndexError) as error:
        raise CryptoError(f"not a certificate: {error}") from error


def public_key_from_point(data: bytes, curve: Curve = P256) -> PublicKey:
    """Read an uncompressed point; CryptoError if it is not on the curve."""
    if len(data) != 2 * _HALF + 1 or data[0] != 0x04:
        raise CryptoError(f"{len(data)} bytes are no uncompressed point")
    try:
        return PublicKey.from_encoded_point(curve.parameters, data)
    except ValueError as error:
        raise CryptoError(f"not a point of {curve.value}: {error}") from error


def load_pem(path: Path) -> PrivateKey:
    """Read a private key from a file, PEM or DER, PKCS#8 or SEC 1."""
    data = path.read_bytes()
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            key = serialization.load_pem_private_key(data, password=None)
        else:
            key = serialization.load_der_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CryptoError(f"{path}: not a private key: {error}") from error
    if not isinstance(key, PrivateKey):
        raise CryptoError(f"{path}: not a key of an elliptic curve")
    return key


def store_pem(path: Path, key: PrivateKey) -> None:
    """Write a private key as PKCS#8 PEM that only the owner can read."""
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def shared_secret(key: PrivateKey, peer: PublicKey) -> bytes:
    """ECKA: the X coordinate, 32 bytes (BSI TR-03111 section 4.3)."""
    return key.exchange(ec.ECDH(), peer)


def x963_kdf(secret: bytes, shared_info: bytes, length: int) -> bytes:
    """X9.63 key derivation with SHA-256 (BSI TR-03111 section 4.3.3)."""
    return X963KDF(hashes.SHA256(), length, shared_info).derive(secret)


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """Keys of one bound profile package, 16 bytes each (SGP.22 Annex G)."""

    initial_chaining: bytes
    encryption: bytes
    mac: bytes


def session_keys(secret: bytes, host_id: bytes, eid: bytes) -> SessionKeys:
    """Derive the keys from the shared secret, the host identifier (1..16 bytes) and the EID (16 bytes)."""
    info = bytes([_KEY_TYPE_AES, _KEY_LENGTH, len(host_id)]) + host_id + bytes([len(eid)]) + eid
    keys = x963_kdf(secret, info, 3 * _KEY_LENGTH)
    return SessionKeys(keys[:16], keys[16:32], keys[32:])


def aes_cmac(key: bytes, data: bytes) -> bytes:
    """AES-CMAC, all 16 bytes (NIST SP 800-38B)."""
    mac = cmac.CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def aes_ecb(key: bytes, block: bytes) -> bytes:
    """Encrypt one block: the starting value of a segment from its counter (SCP03t)."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as specified
    return encryptor.update(block) + encryptor.finalize()


def aes_cbc_encrypt(key: bytes, initial: bytes, padded: bytes) -> bytes:
    """AES-CBC over data that is padded already."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(initial)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def aes_cbc_decrypt(key: bytes, initial: bytes, data: bytes) -> bytes:
    """The reverse of `aes_cbc_encrypt`; the padding stays."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(initial)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _public(key: PrivateKey | PublicKey) -> PublicKey:
    return key.public_key() if isinstance(key, PrivateKey) else key


@cache
def _signing() -> ec.ECDSA:
    try:
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        key_from_scalar(1).sign(b"", algorithm)
    except (TypeError, UnsupportedAlgorithm):  # cryptography before 43, or OpenSSL before 3.2
        return ec.ECDSA(hashes.SHA256())
    return algorithm
