"""Proactive commands of a card in a reader."""

from __future__ import annotations

import pytest

from ipad.card.toolkit import fetch, parse_proactive, terminal_response
from ipad.errors import CardError


def test_refresh_by_reset_needs_no_answer() -> None:
    command = parse_proactive(bytes.fromhex("D009810301010482028182"))
    assert command.needs_reset
    assert fetch(0x0B) == bytes.fromhex("801200000B")
    assert fetch(0) == bytes.fromhex("8012000000")


def test_profile_state_change_is_answered() -> None:
    command = parse_proactive(bytes.fromhex("D009810301010982028182"))
    assert not command.needs_reset
    assert terminal_response(command) == bytes.fromhex("801400000C810301010982028281830100")


def test_other_commands_are_beyond_the_terminal() -> None:
    command = parse_proactive(bytes.fromhex("D0090103052500020281820500"))
    assert (command.number, command.type) == (5, 0x25)
    assert terminal_response(command).endswith(bytes.fromhex("830130"))


@pytest.mark.parametrize("octets", ["", "D0", "D000", "BF2000", "D0048102 0101".replace(" ", ""), "D00981030101"])
def test_what_is_no_proactive_command_is_refused(octets: str) -> None:
    with pytest.raises(CardError, match="FETCH"):
        parse_proactive(bytes.fromhex(octets))
