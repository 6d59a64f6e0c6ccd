"""The way to the modem: board definition, configuration over it, serial port, dialogue."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from ipad.board import GENERIC, Board, BoardLibrary
from ipad.clock import Clock
from ipad.config import ISD_R, ModemConfig
from ipad.errors import ConfigError, PortError, PortTimeoutError
from ipad.modem.line_rate import LineRates
from ipad.modem.modem import Modem
from ipad.modem.port import AtPort, PortSettings
from ipad.modem.serial import SerialSettings, opener
from ipad.modem.slots import select_slot
from ipad.records import dataclass, replace

logger = logging.getLogger(__name__)


_COMMON_RATES: Final = (921600, 460800, 230400)
"""Where a modem on a UART is looked for while nobody has said which board it is: a killed run may have left it so."""

LOCAL_BOARDS: Final = Path("/etc/ipad/boards")


@dataclass(frozen=True, slots=True)
class _Rates:
    """Rates of a UART: those that are not used any more, and those at which the modem may be besides the board's."""

    unreliable: set[int] | None = None
    suspected: tuple[int, ...] = ()


_NO_RATES: Final = _Rates()
"""Of a multiplexer: the rate of its UART is the kernel's business."""


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
        serial=replace(board.serial, lock=lock, **_set(baud=config.baud, flow=config.flow, rates=config.rates)),
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
async def open_modem(
    config: ModemConfig, boards: BoardLibrary, clock: Clock, unreliable: set[int] | None = None
) -> AsyncIterator[Modem]:
    """Open the port of the modem, and close it in the end.

    Without a configured port it is where the board says. Without a configured board, or for a gateway that may have
    several modems, the modem is asked what it is, and the definition that fits it best is taken. `unreliable` are rates
    of a UART that are not used any more. Raises ConfigError without a port or for an unknown board, PortError.
    """
    rates = _Rates(unreliable, () if config.board else _COMMON_RATES)
    if not config.port and (config.card or not config.board):
        raise ConfigError(
            "no modem is configured" if not config.card else "there is a PC/SC reader in place of a modem",
            hint="set modem.port in the configuration file, or give --port DEVICE; `ipad board detect` finds it",
        )
    board = configured(boards.load(config.board or GENERIC), config)
    if board.mux is not None and not config.port:
        port = await _open_multiplexed(board, boards, clock)
    else:
        port = await _open_first(board, (config.port,) if config.port else _places(board, boards), clock, rates)
    try:
        if not config.board or (board.kind == "gateway" and not board.module):
            asked = PortSettings.of_board(board, port.name)
            board = await _recognise(Modem(port, board, clock), boards, config)
            if PortSettings.of_board(board, port.name) != asked or board.serial.rates:
                await port.close()
                port = _port(board, port.name, clock, rates)
                await port.open()
        modem = Modem(port, board, clock)
        await select_slot(modem)
        yield modem
    finally:
        await port.close()


def _places(board: Board, boards: BoardLibrary) -> Sequence[str]:
    """Where the board says that the AT port is. Most devices have it configured and never load the search."""
    from ipad.board.location import at_ports  # noqa: PLC0415

    return at_ports(board, boards)


def _port(board: Board, path: str, clock: Clock, rates: _Rates) -> AtPort:
    settings = SerialSettings(
        path, baud=board.serial.baud, flow=board.serial.flow, uucp_lock="uucp" in board.serial.lock
    )
    line = LineRates(board.serial.baud, board.serial.rates, suspected=rates.suspected, unreliable=rates.unreliable)
    return AtPort(opener(settings), PortSettings.of_board(board, path), clock, line)


async def _open_multiplexed(board: Board, boards: BoardLibrary, clock: Clock) -> AtPort:
    """Open the AT channel; a modem that is silent there was restarted and knows of no multiplexer. Raises PortError."""
    from ipad.daemon.multiplexing import multiplex  # noqa: PLC0415 - only boards with one UART need it

    await multiplex(board, clock)
    try:
        return await _open_first(board, _places(board, boards), clock)
    except PortTimeoutError as error:
        logger.info("%s: the multiplexer is attached anew", error)
    await multiplex(board, clock, anew=True)
    return await _open_first(board, _places(board, boards), clock)


async def _open_first(board: Board, places: Sequence[str], clock: Clock, rates: _Rates = _NO_RATES) -> AtPort:
    """Open the first of several ports that can be opened. Raises the PortError of the first when none can."""
    failure: PortError | None = None
    for path in places:
        port = _port(board, path, clock, rates)
        try:
            await port.open()
        except PortError as error:
            failure = failure or error
            logger.info("%s", error)
        else:
            return port
    assert failure is not None
    raise failure


async def _recognise(modem: Modem, boards: BoardLibrary, config: ModemConfig) -> Board:
    identity = await modem.identify()
    board = boards.select(manufacturer=identity.manufacturer, model=identity.model, firmware=identity.revision)
    if config.board:
        board = boards.load(config.board, module=board.name)
    logger.info("%s: %s %s, board %s", modem.port.name, identity.manufacturer, identity.model, board.name)
    return configured(board, config)
