from __future__ import annotations

import pytest

from hil import tlv
from hil.tlv import TlvError


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 129, 130, 255, 256, 257, 65535, 65536])
def test_lengths_around_the_changes_of_form_are_written_and_read(size: int) -> None:
    raw = tlv.build(0xBF51, bytes(size))
    assert tlv.single(raw, 0xBF51) == tlv.Tlv(0xBF51, raw, bytes(size))


def test_children_hand_out_raw_slices() -> None:
    content = bytes.fromhex("800101BF2D005F370102")
    assert [(child.tag, child.raw.hex()) for child in tlv.children(content)] == [
        (0x80, "800101"),
        (0xBF2D, "bf2d00"),
        (0x5F37, "5f370102"),
    ]


def test_raw_slice_keeps_a_length_form_that_is_not_the_shortest() -> None:
    assert tlv.find(bytes.fromhex("30058082000101"), 0x30, 0x80).raw.hex() == "8082000101"


def test_find_takes_the_first_match_of_each_level() -> None:
    data = bytes.fromhex("BF5108A0063001013001 02".replace(" ", ""))
    assert tlv.find(data, 0xBF51, 0xA0, 0x30).value == b"\x01"
    with pytest.raises(TlvError, match="no tag A1 on the path BF51/A1"):
        tlv.find(data, 0xBF51, 0xA1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "no TLV at offset 0"),
        ("BF", "cut off"),
        ("BF8181818101", "too long"),
        ("30", "has no length"),
        ("308201", "length of tag 30"),
        ("3080", "indefinite"),
        ("300201", "announces 2 bytes, 1 are there"),
    ],
)
def test_what_is_no_tlv_is_refused(data: str, message: str) -> None:
    with pytest.raises(TlvError, match=message):
        tlv.first(bytes.fromhex(data))


def test_single_refuses_another_tag_and_what_follows() -> None:
    with pytest.raises(TlvError, match="expected tag 31, got 30"):
        tlv.single(b"\x30\x00", 0x31)
    with pytest.raises(TlvError, match="1 bytes follow tag 30"):
        tlv.single(b"\x30\x00\x00")


@pytest.mark.parametrize(
    ("value", "content"),
    [(0, "00"), (127, "7f"), (128, "0080"), (-1, "ff"), (-128, "80"), (-129, "ff7f"), (200, "00c8")],
)
def test_integer_is_minimal(value: int, content: str) -> None:
    assert tlv.integer(value).hex() == content
