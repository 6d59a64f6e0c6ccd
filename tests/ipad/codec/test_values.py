from __future__ import annotations

from enum import IntFlag
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.codec import values
from ipad.codec.euicc_package import EnableProfileResult
from ipad.codec.values import BitString, Enumeration, NamedBits, Octets, Utf8
from ipad.errors import CodecError


class Flags(IntFlag):
    """Positions 0, 1 and 9."""

    FIRST = 1 << 0
    SECOND = 1 << 1
    TENTH = 1 << 9


BITS = NamedBits(Flags)


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (0, "00"),
        (127, "7F"),
        (128, "0080"),
        (255, "00FF"),
        (256, "0100"),
        (0x7FFFFF, "7FFFFF"),
        (0x800000, "00800000"),
        (0x80000000, "0080000000"),
        (-1, "FF"),
        (-128, "80"),
        (-129, "FF7F"),
    ],
)
def test_integer_is_minimal_twos_complement(value: int, octets: str) -> None:
    assert values.INTEGER.encode(value).hex().upper() == octets
    assert values.INTEGER.decode(bytes.fromhex(octets)) == value


def test_integer_with_leading_octets_is_read() -> None:
    assert values.INTEGER.decode(b"\0\0\x05") == 5
    assert values.INTEGER.decode(b"\xff\xff\xfe") == -2


@pytest.mark.parametrize("content", [b"", bytes(17)])
def test_integer_of_no_octets_or_too_many_is_refused(content: bytes) -> None:
    with pytest.raises(CodecError):
        values.INTEGER.decode(content)


@given(st.integers(-(2**100), 2**100))
def test_integers_come_back(value: int) -> None:
    octets = values.INTEGER.encode(value)
    assert values.INTEGER.decode(octets) == value
    assert (
        len(octets) == 1
        or octets[:2] not in (b"\0" + octets[1:2], b"\xff" + octets[1:2])
        or ((octets[0] ^ octets[1]) & 0x80)
    )


def test_number_that_is_not_named_is_kept() -> None:
    code = Enumeration(EnableProfileResult).decode(b"\x63")
    assert (code, code.name, str(code)) == (99, "unknown", "unknown(99)")
    assert Enumeration(EnableProfileResult).encode(code) == b"\x63"
    assert str(EnableProfileResult.ICCID_OR_AID_NOT_FOUND) == "iccidOrAidNotFound(1)"
    with pytest.raises(ValueError, match="'text' is not a valid"):
        EnableProfileResult("text")


@pytest.mark.parametrize(
    ("flags", "octets"),
    [
        (Flags(0), "00"),
        (Flags.FIRST, "0780"),
        (Flags.SECOND, "0640"),
        (Flags.FIRST | Flags.SECOND, "06C0"),
        (Flags.TENTH, "060040"),
        (Flags(1 << 7), "0001"),
    ],
)
def test_named_bits_are_written_without_trailing_zeros(flags: Flags, octets: str) -> None:
    assert BITS.encode(flags).hex().upper() == octets
    assert BITS.decode(bytes.fromhex(octets)) == flags


def test_named_bits_are_read_with_trailing_zeros_and_unknown_bits() -> None:
    assert BITS.decode(bytes.fromhex("0480")) == Flags.FIRST
    assert BITS.decode(bytes.fromhex("00800000")) == Flags.FIRST
    assert int(BITS.decode(bytes.fromhex("0088"))) == 0b10001


@pytest.mark.parametrize("content", ["", "01", "0880", "FF80"])
def test_damaged_bit_string_is_refused(content: str) -> None:
    with pytest.raises(CodecError, match="BIT STRING"):
        values.BIT_STRING.decode(bytes.fromhex(content))


@given(st.binary(max_size=4), st.integers(0, 7))
def test_bit_strings_come_back(octets: bytes, unused: int) -> None:
    value = BitString(octets, unused if octets else 0)
    assert values.BIT_STRING.decode(values.BIT_STRING.encode(value)) == value


@pytest.mark.parametrize(("kind", "good", "bad"), [(Octets(2, 3), b"ab", b"a"), (Octets(2, 3), b"abc", b"abcd")])
def test_octet_string_has_bounds_in_both_directions(kind: Octets, good: bytes, bad: bytes) -> None:
    assert kind.decode(good) == kind.encode(good) == good
    for call in (kind.decode, kind.encode):
        with pytest.raises(CodecError, match="expected 2 to 3"):
            call(bad)


def test_text_has_bounds_where_it_is_sent_only() -> None:
    kind = Utf8(1, 4)
    assert kind.encode("üü") == "üü".encode()
    with pytest.raises(CodecError):
        kind.encode("üüü")
    assert kind.decode("üüü".encode()) == "üüü"
    assert kind.decode(b"a\xff") == "a\\xff"


@pytest.mark.parametrize(("content", "value"), [(b"\0", False), (b"\xff", True), (b"\x01", True)])
def test_any_octet_but_zero_is_true(content: bytes, value: bool) -> None:
    assert values.BOOLEAN.decode(content) is value


def test_boolean_and_null_of_another_size_are_refused() -> None:
    for kind, content in ((values.BOOLEAN, b""), (values.BOOLEAN, b"\xff\xff"), (values.NULL, b"\0")):
        with pytest.raises(CodecError):
            kind.decode(content)
    assert values.BOOLEAN.encode(True) + values.BOOLEAN.encode(False) + values.NULL.encode(True) == b"\xff\0"


@pytest.mark.parametrize(
    ("text", "octets"),
    [("2.999.16", "883710"), ("1.2.840.10045.2.1", "2A8648CE3D0201"), ("0.39", "27"), ("1.39", "4F"), ("2.0", "50")],
)
def test_object_identifier(text: str, octets: str) -> None:
    assert values.OID.encode(text).hex().upper() == octets
    assert values.OID.decode(bytes.fromhex(octets)) == text


@pytest.mark.parametrize("content", ["", "88", "8037", "2A80"])
def test_damaged_object_identifier_is_refused(content: str) -> None:
    with pytest.raises(CodecError):
        values.OID.decode(bytes.fromhex(content))


@pytest.mark.parametrize("text", ["", "1", "3.1", "1.40", "1.-1", "1.2.x", "2.5.-4"])
def test_text_that_is_no_object_identifier_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        values.OID.encode(text)


@given(st.sampled_from([values.INTEGER, values.BIT_STRING, values.OID, values.BOOLEAN, BITS, Utf8()]), st.binary())
def test_no_content_ends_in_another_error(kind: Any, content: bytes) -> None:
    try:
        kind.decode(content)
    except CodecError:
        return
