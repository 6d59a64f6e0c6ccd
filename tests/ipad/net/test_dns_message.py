from __future__ import annotations

import contextlib
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.errors import CodecError
from ipad.net.dns_message import Answer, Question, RecordType, ResponseCode, decode_answer, encode_query
from tests.ipad.net.name_servers import CNAME, A, address, alias, asked, encode, response

NAME = "eim.example.com"
QUESTION = Question(NAME, RecordType.A)
QUERY = encode_query(0x1234, QUESTION)


def decode(message: bytes) -> Answer:
    return decode_answer(message, 0x1234, QUESTION)


def test_query_asks_for_recursion_and_one_name() -> None:
    assert QUERY[:12] == bytes.fromhex("1234 0100 0001 0000 0000 0000")
    assert asked(QUERY) == (NAME, A)
    assert len(QUERY) == 12 + 17 + 4


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["a" * 63] * 4) + ".b", "é.example"])
def test_text_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(CodecError):
        encode_query(1, Question(name, RecordType.A))


def test_addresses_are_found_in_any_order_behind_aliases() -> None:
    records = [
        address("c.example.net", "192.0.2.2"),
        alias("b.example.net", "c.example.net"),
        address("c.example.net", "192.0.2.1"),
        alias(NAME, "b.example.net"),
    ]
    found = decode(response(QUERY, records))
    assert found.addresses == (ipaddress.IPv4Address("192.0.2.2"), ipaddress.IPv4Address("192.0.2.1"))


def test_alias_without_its_address_is_told() -> None:
    assert decode(response(QUERY, [alias(NAME, "elsewhere.example.net")])).alias == "elsewhere.example.net"


def test_address_of_another_name_is_not_ours() -> None:
    assert decode(response(QUERY, [address("evil.example.com", "192.0.2.66")])) == Answer(ResponseCode.NOERROR)


def test_circle_of_aliases_is_refused() -> None:
    with pytest.raises(CodecError, match="aliases"):
        decode(response(QUERY, [alias(NAME, "b.example"), alias("b.example", NAME)]))


def test_name_is_compared_without_case() -> None:
    shouted = encode(NAME.upper()) + struct.pack("!2H", A, 1)
    assert decode(response(QUERY, [address(NAME.upper(), "192.0.2.1")], question=shouted)).addresses


def test_compressed_names_are_read() -> None:
    message = response(QUERY)[:6] + b"\x00\x01" + response(QUERY)[8:]
    message += b"\xc0\x0c" + struct.pack("!2HIH", A, 1, 60, 4) + bytes((192, 0, 2, 9))
    assert decode(message).addresses == (ipaddress.IPv4Address("192.0.2.9"),)


@pytest.mark.parametrize(
    ("code", "expected"), [(2, ResponseCode.SERVFAIL), (3, ResponseCode.NXDOMAIN), (5, ResponseCode.REFUSED)]
)
def test_codes_of_servers(code: int, expected: ResponseCode) -> None:
    assert decode(response(QUERY, code=code)).code == expected


def test_server_that_only_refers_to_others_is_lame() -> None:
    assert decode(response(QUERY, flags=0x8000)).lame
    assert not decode(response(QUERY, flags=0x8400)).lame


def test_truncated_answer() -> None:
    assert decode(response(QUERY, flags=0x8380)).truncated


@pytest.mark.parametrize(
    "message",
    [
        b"",
        QUERY,
        response(QUERY, [address(NAME, "192.0.2.1")], identifier=0x1235),
        response(QUERY, [address(NAME, "192.0.2.1")], question=encode("evil.example.com") + struct.pack("!2H", A, 1)),
        response(QUERY, [address(NAME, "192.0.2.1")], question=encode(NAME) + struct.pack("!2H", 28, 1)),
        response(QUERY, [address(NAME, "192.0.2.1")], flags=0x9180),
        response(QUERY, [(NAME, A, b"\x01\x02\x03")]),
        response(QUERY, [(NAME, CNAME, b"\xc0\xff")]),
        response(QUERY, [address(NAME, "192.0.2.1")])[:-1],
    ],
    ids=["empty", "query", "identifier", "name", "type", "opcode", "short address", "pointer forwards", "cut off"],
)
def test_what_is_no_answer_is_refused(message: bytes) -> None:
    with pytest.raises(CodecError):
        decode(message)


@given(st.binary(max_size=80), st.integers(0, 200))
def test_damaged_messages_never_raise_anything_else(noise: bytes, at: int) -> None:
    good = response(QUERY, [alias(NAME, "b.example"), address("b.example", "192.0.2.1")])
    at = min(at, len(good))
    with contextlib.suppress(CodecError):
        decode(good[:at] + noise + good[at + len(noise) :])


def test_address_of_the_other_family_is_not_what_was_asked_for() -> None:
    assert decode(response(QUERY, [address(NAME, "2001:db8::1")])).addresses == ()
