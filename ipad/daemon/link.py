"""The way to the modem: board definition, configuration over it, serial port, dialogue."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ipad.board import GENERIC, Board, BoardLibrary
from ipad.clock import Clock
from ipad.config import ISD_R, ModemConfig
from ipad.errors import UsageError
from ipad.modem.modem import Modem
from ipad.modem.port import AtPort, PortSettings
from ipad.modem.serial import SerialSettings, opener

logger = logging.getLogger(__name__)


LOCAL_BOARDS: Final = Path("/etc/ipad/boards")


def board_library() -> BoardLibrary:
    """The definitions of this device, then the shipped ones."""
    return BoardLibrary((LOCAL_BOARDS,))


def configured(board: Board, config: ModemConfig) -> Board:
    """The definition with what the operator set in place of what it says."""
    lock = (*board.serial.lock, "uucp") if config.uucp_lock else board.serial.lock
    timeouts = {name: getattr(config.timeouts, name) for name in ("default", "ccho", "apdu", "cfun")}
    aids = config.isdr_aids if config.isdr_aids != (ISD_R,) else None
    return replace(
        board,
        serial=replace(board.serial, lock=lock, **_set(baud=config.baud, flow=config.flow)),
        at=replace(board.at, timeouts=replace(board.at.timeouts, **_set(**timeouts))),
        apdu=replace(
            board.apdu,
            **_set(
                method=config.apdu,
                max_data=config.max_data,
                isdr_aids=aids,
                terminal_capability=config.terminal_capability,
            ),
        ),
    )


def _set(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@asynccontextmanager
async def open_modem(config: ModemConfig, boards: BoardLibrary, clock: Clock) -> AsyncIterator[Modem]:
    """Open the port of the modem, and close it in the end.

    Without a configured board the modem is asked what it is, and the definition that fits it best is taken. Raises
    UsageError without a port, PortError, ConfigError for an unknown board.
    """
    if not config.port:
        raise UsageError(
            "no modem is configured" if not config.card else "there is a PC/SC reader in place of a modem",
            hint="set modem.port in the configuration file, or give --port DEVICE",
        )
    board = configured(boards.load(config.board or GENERIC), config)
    port = _port(board, config, clock)
    try:
        await port.open()
        if not config.board:
            board = await _recognise(Modem(port, board, clock), boards, config)
            if PortSettings.of_board(board, config.port) != PortSettings.of_board(
                configured(boards.load(GENERIC), config), config.port
            ):
                await port.close()
                port = _port(board, config, clock)
                await port.open()
        yield Modem(port, board, clock)
    finally:
        await port.close()


def _port(board: Board, config: ModemConfig, clock: Clock) -> AtPort:
    settings = SerialSettings(
        config.port, baud=board.serial.baud, flow=board.serial.flow, uucp_lock="uucp" in board.serial.lock
    )
    return AtPort(opener(settings), PortSettings.of_board(board, config.port), clock)


async def _recognise(modem: Modem, boards: BoardLibrary, config: ModemConfig) -> Board:
    identity = await modem.identify()
    board = boards.select(manufacturer=identity.manufacturer, model=identity.model, firmware=identity.revision)
    logger.info("%s: %s %s, board %s", config.port, identity.manufacturer, identity.model, board.name)
    return configured(board, config)
