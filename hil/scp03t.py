"""Protection of Bound Profile Packages: SCP03t (SGP.22 2.5.3, 2.6.4.4 and Annex G; "BSP" in later versions).

A segment is `tag ‖ length ‖ data ‖ MAC`. Tags 86 and 87 carry encrypted data, tag 88 plain data. The MAC is the first
half of an AES-CMAC over the previous CMAC and the segment, so that segments can neither be left out nor swapped.
"""

from __future__ import annotations

from hil import tlv
from hil.crypto import SessionKeys, aes_cbc_decrypt, aes_cbc_encrypt, aes_cmac, aes_ecb

MAC_SIZE = 8
MAX_ENCRYPTED = 1007
"""Largest plaintext of a segment 86 or 87: 1,020 bytes with tag, length, padding and MAC."""
MAX_PLAIN = 1008
"""Largest content of a segment 88."""
MAX_RECEIVED = 1036
"""Servers that cut the plaintext at 1,008 bytes send segments of this size."""
_ENCRYPTED = (0x86, 0x87)


class Scp03tError(Exception):
    """A segment cannot be accepted."""


class Scp03tStructureError(Scp03tError):
    """Tag or length are wrong (errorReason 7)."""


class Scp03tSecurityError(Scp03tError):
    """MAC or padding are wrong (errorReason 8)."""


class SecureChannel:
    """One direction of protected segments; both ends keep the same counters."""

    def __init__(self, keys: SessionKeys) -> None:
        self._keys = keys
        self._chaining_value = keys.initial_chaining
        self._counter = 0

    def protect(self, tag: int, plaintext: bytes) -> bytes:
        """Return the segment with this tag around the plaintext."""
        self._counter += 1
        data = self._encrypt(plaintext) if tag in _ENCRYPTED else plaintext
        head = tlv.build(tag, data + bytes(MAC_SIZE))[:-MAC_SIZE]
        return head + self._next_mac(head)

    def unprotect(self, segment: bytes, tag: int) -> bytes:
        """Check a received segment and return its plaintext. Raises Scp03tStructureError or Scp03tSecurityError."""
        if len(segment) > MAX_RECEIVED:
            raise Scp03tStructureError(f"segment of {len(segment)} bytes, at most {MAX_RECEIVED} are accepted")
        try:
            element = tlv.single(segment, tag)
        except tlv.TlvError as error:
            raise Scp03tStructureError(str(error)) from error
        data = element.value[:-MAC_SIZE]
        if len(element.value) < MAC_SIZE or (tag in _ENCRYPTED and (not data or len(data) % 16)):
            raise Scp03tStructureError(f"segment {tag:X} with {len(element.value)} bytes of content")
        self._counter += 1
        if self._next_mac(segment[:-MAC_SIZE]) != segment[-MAC_SIZE:]:
            raise Scp03tSecurityError(f"MAC of segment {tag:X} number {self._counter} is wrong")
        return self._decrypt(data) if tag in _ENCRYPTED else data

    def _next_mac(self, head: bytes) -> bytes:
        self._chaining_value = aes_cmac(self._keys.mac, self._chaining_value + head)
        return self._chaining_value[:MAC_SIZE]

    def _initial_vector(self) -> bytes:
        return aes_ecb(self._keys.encryption, self._counter.to_bytes(16, "big"))

    def _encrypt(self, plaintext: bytes) -> bytes:
        padded = plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % 16)
        return aes_cbc_encrypt(self._keys.encryption, self._initial_vector(), padded)

    def _decrypt(self, data: bytes) -> bytes:
        padded = aes_cbc_decrypt(self._keys.encryption, self._initial_vector(), data)
        plaintext, mark, _ = padded.rpartition(b"\x80")
        if not mark or len(data) - len(plaintext) > 16 or any(padded[len(plaintext) + 1 :]):
            raise Scp03tSecurityError(f"padding of segment number {self._counter} is wrong")
        return plaintext
