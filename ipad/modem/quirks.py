"""Named deviations of modems. A board definition lists names under `quirks`; the code asks for the member.

What a plain key of the definition can say (block size, quotes, class byte, timeouts) is no quirk. Deviations that
cost nothing to expect are always expected and have no name either: they are listed in the tests of the parser.
"""

from __future__ import annotations

from enum import Enum

from ipad.board import Board


class Quirk(Enum):
    """A deviation that needs code."""

    NO_CCHC = "no-cchc"
    """The modem has no AT+CCHC (Sierra EM9191): a session lives until the card is reset, and is used again."""

    CFUN_IN_ONE_LINE = "cfun-in-one-line"
    """The tty disappears at AT+CFUN=0 (Quectel EG916Q): AT+CFUN=1 follows at once, before it is gone."""


def quirks(board: Board) -> frozenset[Quirk]:
    """The deviations of a board."""
    return frozenset(map(Quirk, board.quirks))
