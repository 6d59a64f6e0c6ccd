"""The reader of recordings, without any."""

from __future__ import annotations

import pytest

from tests.captures import samples

TEXT = """\
# at-01 | dialogue (truncated) | a modem | somewhere#1 | identifiers altered: yes | one | two
AT+CCHO=?
<empty line>
OK

# es-02 | exchange | a card | elsewhere | identifiers altered: no | sw 9000
> 80 E2 91 00
< 61 02
< BF3E9000
"""


def test_header_and_body_are_parted() -> None:
    dialogue, _ = samples.parse(TEXT)
    assert (dialogue.id, dialogue.device, dialogue.source) == ("at-01", "a modem", "somewhere#1")
    assert dialogue.expectation == "one | two"
    assert dialogue.altered
    assert dialogue.truncated
    assert dialogue.lines == ("AT+CCHO=?", "", "OK")


def test_body_of_a_card_is_read_as_exchanges() -> None:
    _, exchange = samples.parse(TEXT)
    assert not exchange.altered
    assert exchange.exchanges == [
        samples.Exchange(b"\x80\xe2\x91\x00", b"", 0x6102),
        samples.Exchange(b"\x80\xe2\x91\x00", b"\xbf\x3e", 0x9000),
    ]
    assert exchange.data == bytes.fromhex("80E291006102BF3E9000")


def test_header_that_is_no_header_is_told() -> None:
    with pytest.raises(AssertionError, match="header with 2 fields"):
        samples.parse("# at-01 | dialogue\n")
    with pytest.raises(AssertionError, match="at-01: maybe"):
        samples.parse("# at-01 | a | b | c | maybe | d\n")


def test_without_a_folder_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IPAD_CAPTURES", raising=False)
    assert samples.read("es10-euicc.txt") == {}
