"""Command and response APDUs, class bytes, status words."""

from __future__ import annotations

import pytest

from ipad.apdu.command import CommandApdu, ResponseApdu, channel_class, is_success, is_transient, meaning
from ipad.errors import CardError


@pytest.mark.parametrize(
    ("command", "octets"),
    [
        (CommandApdu(0x00, 0x70, 0x80, 0x01), "00708001"),
        (CommandApdu(0x00, 0x70, 0x00, 0x00, le=1), "0070000001"),
        (CommandApdu(0x01, 0xC0, 0, 0, le=256), "01C0000000"),
        (CommandApdu(0x80, 0xE2, 0x91, 0, bytes.fromhex("BF3E035C015A")), "80E2910006BF3E035C015A"),
        (CommandApdu(0x80, 0xE2, 0x91, 0, b"\xbf\x20\x00", 256), "80E2910003BF200000"),
    ],
)
def test_commands_encode_in_their_case(command: CommandApdu, octets: str) -> None:
    assert command.encode() == bytes.fromhex(octets)


@pytest.mark.parametrize("fields", [{"cla": 256}, {"data": bytes(256)}, {"le": 0}, {"le": 257}])
def test_what_does_not_fit_a_short_apdu_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        CommandApdu(**{"cla": 0, "ins": 0, "p1": 0, "p2": 0, **fields})  # type: ignore[arg-type]


def test_a_response_is_parted() -> None:
    assert ResponseApdu.decode(bytes.fromhex("BF2E009000")) == ResponseApdu(bytes.fromhex("BF2E00"), 0x9000)


def test_a_response_that_the_modem_joined_from_several_is_parted() -> None:
    assert ResponseApdu.decode(bytes(600) + b"\x90\x00") == ResponseApdu(bytes(600), 0x9000)


@pytest.mark.parametrize("octets", [b"", b"\x90", bytes(65_539)])
def test_a_response_of_impossible_length_is_refused(octets: bytes) -> None:
    with pytest.raises(CardError, match="expected 2 to 65538"):
        ResponseApdu.decode(octets)


@pytest.mark.parametrize(
    ("cla", "channel", "coded"),
    [
        (0x00, 0, 0x00),
        (0x00, 3, 0x03),
        (0x00, 4, 0x40),
        (0x00, 19, 0x4F),
        (0x80, 1, 0x81),
        (0x80, 4, 0xC0),
        (0x80, 19, 0xCF),
    ],
)
def test_class_bytes_carry_the_channel(cla: int, channel: int, coded: int) -> None:
    assert channel_class(cla, channel) == coded


def test_a_channel_beyond_19_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 19"):
        channel_class(0, 20)


def test_status_words() -> None:
    assert [sw for sw in (0x9000, 0x910B, 0x9201, 0x9F10) if not is_success(sw)] == []
    assert [sw for sw in (0x6100, 0x6A88, 0x9300, 0x9408, 0x9804, 0x6200) if is_success(sw)] == []
    assert is_transient(0x9300)
    assert not is_transient(0x6A80)
    assert "not supported" in meaning(0x6A88)
    assert meaning(0x9112) == "success, a proactive command waits"
    assert meaning(0x1234) == "unknown status word"
