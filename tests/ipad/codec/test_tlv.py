from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.codec import tlv
from ipad.errors import CodecError

SIZES = [0, 1, 126, 127, 128, 129, 130, 255, 256, 257, 65535, 65536]


@pytest.mark.parametrize("size", SIZES)
def test_content_of_any_length_comes_back(size: int) -> None:
    data = tlv.tlv(0xBF51, bytes(size))
    element = tlv.read_single(data)
    assert (element.tag, bytes(element.value), bytes(element.raw)) == (0xBF51, bytes(size), data)


@pytest.mark.parametrize(
    ("length", "octets"),
    [
        (0, "00"),
        (0x7F, "7F"),
        (0x80, "8180"),
        (0xFF, "81FF"),
        (0x100, "820100"),
        (0xFFFF, "82FFFF"),
        (0x10000, "83010000"),
        (0x1000000, "8401000000"),
    ],
)
def test_length_is_written_in_the_shortest_form(length: int, octets: str) -> None:
    assert tlv.encode_length(length).hex().upper() == octets


@pytest.mark.parametrize("data", ["80810161", "8082000161", "808300000161", "80840000000161"])
def test_longer_forms_of_a_length_are_read(data: str) -> None:
    element = tlv.read_single(bytes.fromhex(data))
    assert (bytes(element.value), element.raw.hex()) == (b"a", data)


@pytest.mark.parametrize(
    ("data", "tag"), [("5A00", 0x5A), ("9F7000", 0x9F70), ("BF2000", 0xBF20), ("DF810100", 0xDF8101), ("1F00", 0)]
)
def test_tags_of_one_to_three_bytes(data: str, tag: int) -> None:
    if not tag:  # 1F 00 is a tag of two bytes without a length behind it
        with pytest.raises(CodecError):
            tlv.read_single(bytes.fromhex(data))
        return
    assert tlv.read_single(bytes.fromhex(data)).tag == tag
    assert tlv.encode_tag(tag) + b"\0" == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "cut off"),
        ("BF", "cut off"),
        ("BF51", "cut off"),
        ("BF5182", "cut off"),
        ("BF518201", "cut off"),
        ("BF510301", "says 3 bytes, 1 are there"),
        ("80847FFFFFFF", "says 2147483647 bytes"),
        ("3080", "length byte 80"),
        ("80FF", "length byte FF"),
        ("808500000000" + "01", "length byte 85"),
        ("0000", "tag 00"),
        ("BFFFFFFF0100", "more than 3 bytes"),
        ("DF818101", "more than 3 bytes"),
        ("800161FF", "1 bytes follow"),
    ],
)
def test_what_is_no_single_tlv_is_refused(data: str, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        tlv.read_single(bytes.fromhex(data))


def test_header_is_known_as_soon_as_its_bytes_are_there() -> None:
    data = bytes.fromhex("BF51820123")
    assert [tlv.read_header(data[:size]) for size in range(5)] == [None] * 5
    assert tlv.read_header(data) == tlv.Header(0xBF51, 5, 5 + 0x123)
    assert tlv.read_header(b"xx" + data, 2) == tlv.Header(0xBF51, 5, 5 + 0x123)


def test_children_and_paths() -> None:
    data = bytes.fromhex("A003800107A1068001088001098201FF")
    assert [element.tag for element in tlv.children(data)] == [0xA0, 0xA1, 0x82]
    found = tlv.find(data, 0xA1, 0x80)
    assert found is not None
    assert (bytes(found.value), found.constructed) == (b"\x08", False)
    assert tlv.find(data, 0xA2) is None
    assert tlv.find(data, 0xA0, 0x81) is None
    assert tlv.find(data) is None


def test_elements_share_the_buffer() -> None:
    data = bytes(tlv.tlv(0x30, tlv.tlv(0x04, bytes(1000))))
    (inner,) = tlv.children(tlv.read_single(data).value)
    assert inner.value.obj is data


@given(st.binary(max_size=300))
def test_any_bytes_are_read_completely_or_refused(data: bytes) -> None:
    try:
        elements = list(tlv.children(data))
    except CodecError:
        return
    assert b"".join(element.raw for element in elements) == data


@given(st.integers(0, 300), st.sampled_from([0x80, 0x30, 0x9F70, 0xBF51, 0xDF8101]), st.binary(max_size=5))
def test_what_follows_an_element_is_left_alone(size: int, tag: int, behind: bytes) -> None:
    data = tlv.tlv(tag, bytes(size))
    assert bytes(tlv.read_element(data + behind).raw) == data
