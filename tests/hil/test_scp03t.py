"""Segment protection, checked with a worked example and against tampering."""

import pytest

from hil.crypto import SessionKeys, session_keys
from hil.scp03t import (
    MAX_ENCRYPTED,
    MAX_RECEIVED,
    Scp03tSecurityError,
    Scp03tStructureError,
    SecureChannel,
)

SECRET = bytes.fromhex("EA96DA556780AD9BCD738C20999E3A7ABC378D05C75C7A613D4E7874F6F280D9")
EID = bytes.fromhex("89049032123451234512345678901235")
HOST_ID = b"SMDPPHOS"
CONFIGURE = bytes.fromhex("8718A72D3946F3810144F27660C1916957C2FE472358E5BEBA5E")
METADATA = bytes.fromhex(
    "BF25335A0A98882143658709214365910454657374920644656D6F2031B6173015800204F0810F736D64702E6578616D706C652E696F"
)
END = bytes.fromhex("AA07A005800081010A")
REPLACE = bytes.fromhex(
    "BF26368010202122232425262728292A2B2C2D2E2F8110000102030405060708090A0B0C0D0E0F8210101112131415161718191A1B1C1D1E1F"
)


@pytest.fixture
def keys() -> SessionKeys:
    return session_keys(SECRET, HOST_ID, EID)


def test_session_keys_of_the_worked_example(keys: SessionKeys) -> None:
    assert keys.initial_chaining.hex().upper() == "5CBECEF9014F963AC1F6126D88E5F296"
    assert keys.encryption.hex().upper() == "9C6A4A773EDB986F961C737400A7F9A3"
    assert keys.mac.hex().upper() == "DABF64DE5E51D579750C2F564551A703"


def test_segments_of_the_worked_example(keys: SessionKeys) -> None:
    channel = SecureChannel(keys)
    assert channel.protect(0x87, bytes.fromhex("BF2400")) == CONFIGURE
    assert channel.protect(0x88, METADATA) == b"\x88\x3e" + METADATA + bytes.fromhex("B8823B6C72C22D94")
    assert channel.protect(0x86, END).hex().upper() == "8618F397DA836FF4134763629FAFCF822F475FD9CD07183E165E"


def test_replaced_keys_start_a_new_chain(keys: SessionKeys) -> None:
    channel = SecureChannel(keys)
    channel.protect(0x87, bytes.fromhex("BF2400"))
    channel.protect(0x88, METADATA)
    segment = channel.protect(0x87, REPLACE)
    assert segment[:2] == b"\x87\x48"
    assert segment[-8:].hex().upper() == "A1E1771E5DF7FF6F"
    second = SecureChannel(SessionKeys(bytes(range(0x20, 0x30)), bytes(range(0x10)), bytes(range(0x10, 0x20))))
    assert second.protect(0x86, END).hex().upper() == "861807E003FB6C29F9521FAF920E87D41314D0C85A5ABD086EA6"


def test_receiver_reads_what_the_sender_wrote(keys: SessionKeys) -> None:
    sender, receiver = SecureChannel(keys), SecureChannel(keys)
    for tag, size in ((0x87, 3), (0x88, 500), (0x86, 0), (0x86, 15), (0x86, 16), (0x86, MAX_ENCRYPTED)):
        plaintext = bytes(index % 251 for index in range(size))
        segment = sender.protect(tag, plaintext)
        assert len(segment) <= 1020
        assert receiver.unprotect(segment, tag) == plaintext


def test_plaintext_that_ends_like_padding_survives(keys: SessionKeys) -> None:
    sender, receiver = SecureChannel(keys), SecureChannel(keys)
    plaintext = b"\x01\x80\x00\x80"
    assert receiver.unprotect(sender.protect(0x86, plaintext), 0x86) == plaintext


@pytest.mark.parametrize("position", [2, 10, -1])
def test_a_flipped_bit_is_found(keys: SessionKeys, position: int) -> None:
    segment = bytearray(SecureChannel(keys).protect(0x86, END))
    segment[position] ^= 1
    with pytest.raises(Scp03tSecurityError):
        SecureChannel(keys).unprotect(bytes(segment), 0x86)


def test_a_segment_out_of_order_is_found(keys: SessionKeys) -> None:
    sender = SecureChannel(keys)
    sender.protect(0x86, b"first")
    with pytest.raises(Scp03tSecurityError):
        SecureChannel(keys).unprotect(sender.protect(0x86, b"second"), 0x86)


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        b"\x87\x18" + bytes(24),
        b"\x86\x05" + bytes(5),
        b"\x86\x09" + bytes(9),
        b"\x86\x18" + bytes(23),
        bytes(MAX_RECEIVED + 1),
    ],
)
def test_wrong_tag_or_length_is_a_structure_error(keys: SessionKeys, segment: bytes) -> None:
    with pytest.raises(Scp03tStructureError):
        SecureChannel(keys).unprotect(segment, 0x86)
