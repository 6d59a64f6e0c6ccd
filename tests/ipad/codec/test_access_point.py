"""Access point, login and password in the COMPREHENSION-TLVs of connectivity parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.codec.access_point import AccessPoint, decode_access_point
from ipad.errors import CodecError

NAME = bytes.fromhex("03696f74076578616d706c65")


def tlv(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value


@pytest.mark.parametrize("bit", [0x00, 0x80])
def test_the_comprehension_bit_makes_no_difference(bit: int) -> None:
    data = (
        tlv(0x35 | bit, b"\x03") + tlv(0x47 | bit, NAME) + tlv(0x0D | bit, b"\x04me") + tlv(0x0D | bit, b"\x04secret")
    )
    assert decode_access_point(data) == AccessPoint("iot.example", "me", "secret")


def test_objects_of_other_kinds_and_padding_are_skipped() -> None:
    data = b"\xff\x00" + tlv(0x39, b"\x05\x78") + bytes.fromhex("7F010203AABBCC") + tlv(0x47, NAME) + b"\xff\xff"
    assert decode_access_point(data) == AccessPoint("iot.example")


@pytest.mark.parametrize("length", ["0C", "810C", "82000C", "8300000C"])
def test_lengths_of_every_form_are_read(length: str) -> None:
    assert decode_access_point(b"\x47" + bytes.fromhex(length) + NAME) == AccessPoint("iot.example")


def test_a_name_stored_as_plain_text_is_read_too() -> None:
    assert decode_access_point(tlv(0x47, b"iot.example")) == AccessPoint("iot.example")


def test_an_empty_name_is_that_of_the_network() -> None:
    assert decode_access_point(tlv(0x47, b"")) == AccessPoint("")


def test_parameters_without_a_name_say_nothing() -> None:
    assert decode_access_point(tlv(0x0D, b"\x04me")) is None
    assert decode_access_point(b"") is None


@pytest.mark.parametrize(
    "coded",
    [b"\x04user@a_b", b"\x08" + "user@a_b".encode("utf-16-be"), bytes.fromhex("00F579590E0847C4")],
)
def test_a_text_is_read_in_each_coding(coded: bytes) -> None:
    access = decode_access_point(tlv(0x47, NAME) + tlv(0x0D, coded))
    assert access is not None
    assert access.login == "user@a_b"


def test_seven_bit_characters_are_unpacked_as_the_well_known_example_says() -> None:
    access = decode_access_point(b"\x47\x00" + tlv(0x0D, bytes.fromhex("00E8329BFD4697D9EC37")))
    assert access == AccessPoint("", "hellohello")


@pytest.mark.parametrize(
    "data",
    [
        "47",  # no length
        "4705414243",  # shorter than it says
        "7F01",  # a tag that is cut off
        "478441424344",  # a length of four bytes
        "478201",  # a length that is cut off
        "4703FF4142",  # no label fits, no text
        "47056120622063",  # blanks in a name
        "470541" + "2E2E4141",  # an empty label
        "4700" + "0D0315F541",  # a coding nobody knows
        "4700" + "0D03040A41",  # a control character
    ],
)
def test_damaged_parameters_are_refused(data: str) -> None:
    with pytest.raises(CodecError, match="connectivity parameters"):
        decode_access_point(bytes.fromhex(data))


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        access = decode_access_point(data)
    except CodecError:
        return
    assert access is None or (len(access.name) < 100 and access.name.isascii())
