"""The only UART of a board, shared by 3GPP TS 27.010: the privileged helper attaches the kernel's multiplexer."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Protocol

from ipad.board import Board
from ipad.board.sysfs import ROOT
from ipad.clock import Clock
from ipad.errors import HelperError, PortError

logger = logging.getLogger(__name__)

_APPEARS: Final = 5.0
_POLL: Final = 0.25


class Attacher(Protocol):
    """The part of the privileged helper that is needed here."""

    async def attach_multiplexer(self, board: str, *, anew: bool) -> None:
        """Bring the UART of a board into multiplexer mode. Raises HelperError."""
        ...


async def multiplex(
    board: Board, clock: Clock, *, anew: bool = False, helper: Attacher | None = None, root: Path = ROOT
) -> None:
    """Have the channels of a board's multiplexer; whoever attached them before us is left alone, unless `anew`.

    Raises PortError when the helper cannot attach it, or when the channel does not appear.
    """
    assert board.mux is not None
    channel = root / f"dev/gsmtty{board.mux.at}"
    if channel.exists() and not anew:
        return
    if helper is None:
        from ipad.helper.client import PrivilegedHelper  # noqa: PLC0415 - only boards with one UART need it

        helper = PrivilegedHelper()
    try:
        await helper.attach_multiplexer(board.name, anew=anew)
    except HelperError as error:
        hint = error.hint or "or use the UART for AT alone with modem.port"
        raise PortError(f"board {board.name}: {error}", transient=error.transient, hint=hint) from error
    deadline = clock.monotonic() + _APPEARS
    while not channel.exists():
        if clock.monotonic() >= deadline:
            raise PortError(f"board {board.name}: /dev/gsmtty{board.mux.at} does not appear in {_APPEARS:g} s")
        await clock.sleep(_POLL)
