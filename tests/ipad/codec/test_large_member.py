"""A large member is taken out of a document and decoded with little more memory than it needs itself."""

from __future__ import annotations

import base64
import json
import tracemalloc

import pytest

from ipad.codec import tlv
from ipad.codec.large_member import MARK, LargeMember
from ipad.errors import CodecError


def taken(document: bytes) -> tuple[LargeMember, bytes]:
    found = LargeMember.take(document, "big")
    assert found is not None
    return found


@pytest.mark.parametrize("size", [0, 1, 2, 3, 12, 127, 128, 255, 256, 49_146, 49_147, 49_148, 49_149, 200_000])
def test_member_of_any_size_stands_behind_its_headers(size: int) -> None:
    package = tlv.tlv(0xBF36, bytes(index % 251 for index in range(size)))
    member, rest = taken(json.dumps({"a": 1, "big": base64.b64encode(package).decode(), "z": [2]}).encode())
    assert json.loads(rest) == {"a": 1, "big": MARK, "z": [2]}
    before = tlv.tlv(0x80, b"\x01\x02")
    assert member.wrapped(0xBF36, (0xBF3A, 0xA0), before) == tlv.tlv(0xBF3A, tlv.tlv(0xA0, before, package))


@pytest.mark.parametrize(
    "document", [b"{}", b'{"big":""}', b'{"big":5}', b'{"big":"a\\/b"}', b'{"big":"abc', b'{"bi\\u0067":"v"}']
)
def test_member_that_is_not_there_in_plain_letters_is_left(document: bytes) -> None:
    assert LargeMember.take(document, "big") is None


def test_padding_in_the_middle_of_a_large_member_is_refused() -> None:
    digits = bytearray(base64.b64encode(tlv.tlv(0xBF36, bytes(147_000))))
    digits[65_534:65_536] = b"=="
    member, _ = taken(b'{"big":"' + digits + b'"}')
    with pytest.raises(CodecError, match="padding inside"):
        member.wrapped(0xBF36, (0xBF3A,), b"")


def test_a_megabyte_costs_little_more_than_itself() -> None:
    package = tlv.tlv(0xBF36, bytes(1_000_000))
    document = b'{"header":{},"big":"' + base64.b64encode(package) + b'"}'
    tracemalloc.start()
    try:
        found = LargeMember.take(document, "big")
        assert found is not None
        message = found[0].wrapped(0xBF36, (0xBF3A, 0xA0), b"")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(message) > 1_000_000
    assert peak < 1_500_000, f"{peak} bytes beside the document"
