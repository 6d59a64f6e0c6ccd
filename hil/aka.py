"""Authentication and key agreement between network and USIM (TS 33.102 6.3).

Algorithms: Milenage (TS 35.206) with its default constants, and the test algorithm of TS 34.108 8.1.2. Sequence numbers
have 48 bits, the low five of which are the index (TS 33.102 C.1.1.1); the USIM takes every SEQ above the last one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hil.crypto import aes_ecb

_BLOCK: Final = 16
_SQN_SIZE: Final = 6
_INDEX_BITS: Final = 5
_NETWORK_AMF: Final = bytes.fromhex("8000")
_RESYNC_AMF: Final = bytes(2)
_ROTATIONS: Final = (8, 0, 4, 8, 12)
"""r1 to r5 in octets."""
_CONSTANTS: Final = (0, 1, 2, 4, 8)


class Algorithm(IntEnum):
    """algorithmID of akaParameter (PEDefinitions 8.6)."""

    MILENAGE = 1
    TUAK = 2
    TEST = 3


class MacFailureError(Exception):
    """AUTN was not made with this key."""


@dataclass(frozen=True, slots=True, repr=False)
class AkaKey:
    """What a USIM and its operator share. `algorithm` is one of `Algorithm`; the test algorithm has no OPc."""

    algorithm: int
    key: bytes
    opc: bytes

    @property
    def known(self) -> bool:
        """Whether this module calculates the algorithm."""
        if len(self.key) != _BLOCK:
            return False
        return self.algorithm == Algorithm.TEST or (self.algorithm == Algorithm.MILENAGE and len(self.opc) == _BLOCK)


@dataclass(frozen=True, slots=True, repr=False)
class Quantities:
    """Outputs of f1, f1*, f2, f3, f4, f5 and f5*."""

    mac: bytes
    mac_resync: bytes
    response: bytes
    cipher_key: bytes
    integrity_key: bytes
    anonymity_key: bytes
    anonymity_key_resync: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """The USIM took the challenge; `sqn` is the sequence number to remember."""

    response: bytes
    cipher_key: bytes
    integrity_key: bytes
    sqn: int


@dataclass(frozen=True, slots=True)
class SynchronisationFailure:
    """The challenge is genuine and old: `auts` tells the network where the USIM is."""

    auts: bytes


def quantities(key: AkaKey, rand: bytes, sqn: bytes, amf: bytes) -> Quantities:
    """All outputs for one challenge. ValueError for an algorithm that is not `known`."""
    if not key.known:
        raise ValueError(f"algorithm {key.algorithm} cannot be calculated")
    return _milenage(key, rand, sqn, amf) if key.algorithm == Algorithm.MILENAGE else _test(key, rand, sqn, amf)


def challenge(key: AkaKey, sqn: int, rand: bytes | None = None) -> tuple[bytes, bytes, bytes]:
    """RAND, AUTN and the expected response, as a network makes them."""
    rand = os.urandom(_BLOCK) if rand is None else rand
    sequence = sqn.to_bytes(_SQN_SIZE, "big")
    made = quantities(key, rand, sequence, _NETWORK_AMF)
    return rand, _xor(sequence, made.anonymity_key) + _NETWORK_AMF + made.mac, made.response


def respond(key: AkaKey, rand: bytes, autn: bytes, last: int) -> Accepted | SynchronisationFailure:
    """The USIM's side. `last`: highest sequence number that it took. Raises MacFailureError."""
    concealed, amf, mac = autn[:6], autn[6:8], autn[8:]
    unconcealing = quantities(key, rand, bytes(_SQN_SIZE), amf).anonymity_key
    sequence = _xor(concealed, unconcealing)
    made = quantities(key, rand, sequence, amf)
    if made.mac != mac:
        raise MacFailureError("MAC-A is wrong")
    sqn = int.from_bytes(sequence, "big")
    if sqn >> _INDEX_BITS <= last >> _INDEX_BITS:
        own = last.to_bytes(_SQN_SIZE, "big")
        resync = quantities(key, rand, own, _RESYNC_AMF)
        return SynchronisationFailure(_xor(own, resync.anonymity_key_resync) + resync.mac_resync)
    return Accepted(made.response, made.cipher_key, made.integrity_key, sqn)


def resynchronised(key: AkaKey, rand: bytes, auts: bytes) -> int | None:
    """The USIM's sequence number out of AUTS; None when it was not made with this key."""
    concealing = quantities(key, rand, bytes(_SQN_SIZE), _RESYNC_AMF).anonymity_key_resync
    own = _xor(auts[:6], concealing)
    if quantities(key, rand, own, _RESYNC_AMF).mac_resync != auts[6:]:
        return None
    return int.from_bytes(own, "big")


def following(sqn: int) -> int:
    """The next sequence number that the USIM takes."""
    return ((sqn >> _INDEX_BITS) + 1) << _INDEX_BITS


def kc(cipher_key: bytes, integrity_key: bytes) -> bytes:
    """The key for GSM access (TS 33.102 6.8.1.2, conversion c3)."""
    return _xor(_xor(cipher_key[:8], cipher_key[8:]), _xor(integrity_key[:8], integrity_key[8:]))


def _milenage(key: AkaKey, rand: bytes, sqn: bytes, amf: bytes) -> Quantities:
    opc = key.opc
    temporary = aes_ecb(key.key, _xor(rand, opc))
    outputs = []
    for number, (rotation, constant) in enumerate(zip(_ROTATIONS, _CONSTANTS, strict=True)):
        if number == 0:
            block = _xor(temporary, _rotated(_xor((sqn + amf) * 2, opc), rotation))
        else:
            block = _rotated(_xor(temporary, opc), rotation)
        block = _xor(block, constant.to_bytes(_BLOCK, "big"))
        outputs.append(_xor(aes_ecb(key.key, block), opc))
    first, second, cipher_key, integrity_key, fifth = outputs
    return Quantities(first[:8], first[8:], second[8:], cipher_key, integrity_key, second[:6], fifth[:6])


def _test(key: AkaKey, rand: bytes, sqn: bytes, amf: bytes) -> Quantities:
    mixed = _xor(key.key, rand)
    mac = _xor(mixed[:8], sqn + amf)
    anonymity_key = mixed[3:9]
    return Quantities(mac, mac, mixed, _rotated(mixed, 1), _rotated(mixed, 2), anonymity_key, anonymity_key)


def _rotated(block: bytes, octets: int) -> bytes:
    return block[octets:] + block[:octets]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
