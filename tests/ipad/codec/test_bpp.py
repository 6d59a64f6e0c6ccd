"""Cutting a Bound Profile Package: SGP.22 2.5.5."""

import pytest

from ipad.codec import bpp, tlv
from ipad.codec.bpp import BoundProfilePackage
from ipad.errors import CodecError

TRANSACTION_ID = bytes.fromhex("0123456789ABCDEF0123456789ABCDEF")
SECURE_CHANNEL = tlv.tlv(
    0xBF23,
    bytes.fromhex("820101"),
    tlv.tlv(0x80, TRANSACTION_ID),
    bytes.fromhex("A6108001888101108408534D445050484F53"),
    tlv.tlv(0x5F49, bytes(65)),
    tlv.tlv(0x5F37, bytes(64)),
)
METADATA = bytes.fromhex(
    "BF25335A0A98882143658709214365910454657374920644656D6F2031B6173015800204F0810F736D64702E6578616D706C652E696F"
)
CONFIGURE = bytes.fromhex("8718A72D3946F3810144F27660C1916957C2FE472358E5BEBA5E")
STORE = tlv.tlv(0x88, METADATA, bytes(8))
KEYS = tlv.tlv(0x87, bytes(72))
ELEMENT = bytes.fromhex("8618F397DA836FF4134763629FAFCF822F475FD9CD07183E165E")


def package(*parts: bytes) -> bytes:
    return tlv.tlv(0xBF36, SECURE_CHANNEL, *parts)


PLAIN = package(tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA1, STORE), tlv.tlv(0xA3, ELEMENT))


def test_segments_of_the_worked_example_have_its_lengths() -> None:
    segments = list(BoundProfilePackage.parse(PLAIN).segments())
    assert len(PLAIN) == 305
    assert [len(segment) for segment in segments] == [183, 28, 2, 64, 2, 26]
    assert b"".join(segments) == PLAIN


def test_replace_session_keys_travels_with_its_header() -> None:
    data = package(
        tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA1, STORE, STORE), tlv.tlv(0xA2, KEYS), tlv.tlv(0xA3, ELEMENT, ELEMENT)
    )
    segments = [bytes(segment) for segment in BoundProfilePackage.parse(data).segments()]
    assert segments[5:] == [b"\xa2\x4a" + KEYS, b"\xa3\x34", ELEMENT, ELEMENT]
    assert b"".join(segments) == data


def test_segments_are_views_of_the_received_bytes() -> None:
    parsed = BoundProfilePackage.parse(PLAIN)
    assert all(segment.obj is PLAIN for segment in parsed.segments())


def test_transaction_id_and_metadata_are_read() -> None:
    parsed = BoundProfilePackage.parse(PLAIN)
    assert parsed.transaction_id == TRANSACTION_ID
    assert parsed.metadata.profile_name == "Demo 1"
    assert parsed.metadata.encode() == METADATA


def test_metadata_cut_into_pieces_is_joined() -> None:
    pieces = (tlv.tlv(0x88, METADATA[:20], bytes(8)), tlv.tlv(0x88, METADATA[20:], bytes(8)))
    data = package(tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA1, *pieces), tlv.tlv(0xA3, ELEMENT))
    assert BoundProfilePackage.parse(data).metadata.encode() == METADATA


@pytest.mark.parametrize(
    "data",
    [
        b"",
        tlv.tlv(0xBF36),
        tlv.tlv(0xBF37, SECURE_CHANNEL),
        PLAIN[:-1],
        PLAIN + b"\x00",
        package(tlv.tlv(0xA1, STORE), tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA3, ELEMENT)),
        package(tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA1, STORE)),
        package(tlv.tlv(0xA0, STORE), tlv.tlv(0xA1, STORE), tlv.tlv(0xA3, ELEMENT)),
        package(tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA1), tlv.tlv(0xA3, ELEMENT)),
        package(tlv.tlv(0xA0, CONFIGURE), tlv.tlv(0xA1, STORE), tlv.tlv(0xA3, ELEMENT[:-1])),
        bytes(bpp.MAX_SIZE + 1),
    ],
)
def test_broken_package_is_refused_before_loading(data: bytes) -> None:
    with pytest.raises(CodecError, match="BoundProfilePackage"):
        BoundProfilePackage.parse(data)
