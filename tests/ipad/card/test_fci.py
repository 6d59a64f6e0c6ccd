"""The FCI of the ISD-R."""

from __future__ import annotations

import pytest

from ipad.card.fci import IsdrApplication, parse_fci

HEAD = "8410A0000005591010FFFFFFFF8900000100A5049F6501FF"


def fci(rest: str) -> bytes:
    body = bytes.fromhex(HEAD + rest)
    return bytes((0x6F, len(body))) + body


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("E0058203020202", IsdrApplication("2.2.2")),
        ("E0058203020600E10480020640", IsdrApplication("2.6.0", iot=True, enabled_profile=True)),
        ("E0058203020202E103800100", IsdrApplication("2.2.2", iot=True)),
        ("E0058203020202E1048002 06C0".replace(" ", ""), IsdrApplication("2.2.2", True, True, True)),
        ("", IsdrApplication()),
        ("E00482020202", IsdrApplication()),
        ("E00C810103820302EC0883022400E104800206C0", IsdrApplication(None, True, True, True)),
    ],
)
def test_templates_are_read(rest: str, expected: IsdrApplication) -> None:
    assert parse_fci(fci(rest)) == expected


@pytest.mark.parametrize("octets", ["", "62028000", "6F10", "6F04E0058203"])
def test_anything_else_is_no_application(octets: str) -> None:
    assert parse_fci(bytes.fromhex(octets)) is None
