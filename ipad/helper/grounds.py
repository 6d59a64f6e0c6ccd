"""On what the helper acts: the configuration and the board definitions of this device, which only root can change."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ipad.board import Board, BoardLibrary
from ipad.config import DEFAULT_PATH, Config, ModemConfig, load
from ipad.errors import ConfigError, HelperError
from ipad.helper.trust import demand_trusted
from ipad.records import dataclass, field

LOCAL_BOARDS: Final = Path("/etc/ipad/boards")


@dataclass(frozen=True, slots=True)
class Grounds:
    """Files that are read anew for each request, so that what the operator changes holds at once.

    `owners`: user ids that count like root as owners of these files.
    """

    configuration: Path = DEFAULT_PATH
    boards: Path = LOCAL_BOARDS
    owners: frozenset[int] = field(default_factory=frozenset)

    def board(self, name: str, *, any_board: bool = False) -> tuple[Board, ModemConfig, BoardLibrary]:
        """The definition of a board that the configuration names, and the modem that it names it for.

        Raises HelperError for any other, unless `any_board`, and when others than root could have written one of the
        files.
        """
        modem = next((modem for modem in self.config().modems.values() if modem.board == name), None)
        if modem is None and any_board:
            modem = ModemConfig(board=name)
        if modem is None:
            raise HelperError(
                f"{self.configuration} names no board {name!r} for a modem",
                transient=False,
                hint=f'set modem.board = "{name}"',
            )
        library = BoardLibrary((self.boards,))
        try:
            for path in library.chain(name):
                demand_trusted(path, self.owners)
            return library.load(name), modem, library
        except ConfigError as error:
            raise HelperError(str(error), transient=False, hint=error.hint) from error

    def config(self) -> Config:
        """What the operator set. Raises HelperError."""
        if self.configuration.exists():
            demand_trusted(self.configuration, self.owners)
        try:
            return load(self.configuration if self.configuration.exists() else None)[0]
        except ConfigError as error:
            raise HelperError(str(error), transient=False, hint=error.hint) from error
