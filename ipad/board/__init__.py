"""Board definitions: what is special about a modem and the device round it, as data in TOML files."""

from ipad.board.behaviour import Apdu, At, OpenRetries, PowerSaving, Refresh, Repair, Timeouts
from ipad.board.definition import Board
from ipad.board.hardware import Match, Reset, Slots
from ipad.board.library import GENERIC, BoardLibrary, shipped_directory
from ipad.board.matching import Candidate, Facts
from ipad.board.values import QuirkName, Rung

__all__ = [
    "GENERIC",
    "Apdu",
    "At",
    "Board",
    "BoardLibrary",
    "Candidate",
    "Facts",
    "Match",
    "OpenRetries",
    "PowerSaving",
    "QuirkName",
    "Refresh",
    "Repair",
    "Reset",
    "Rung",
    "Slots",
    "Timeouts",
    "shipped_directory",
]
