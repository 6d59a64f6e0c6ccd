"""The kernel's multiplexer n_gsm over the UART of a modem (3GPP TS 27.010, <linux/gsmmux.h>).

The line discipline lives as long as the descriptor of the UART: whoever attached it has to stay.
"""

from __future__ import annotations

import logging
import struct
import termios
from typing import Final

from ipad.board import Board
from ipad.board.hardware import Multiplexer
from ipad.clock import Clock
from ipad.errors import HelperError
from ipad.helper.kernel import Ioctl, ioctl, request_code
from ipad.helper.uart import Uart
from ipad.records import dataclass

logger = logging.getLogger(__name__)

_N_GSM0710: Final = 21
_CONFIGURATION: Final = struct.Struct("=11I32x")
"""struct gsm_config: adaption, encapsulation, initiator, T1, T2, T3, N2, MRU, MTU, k, i."""
_GET_CONFIGURATION: Final = request_code("r", ord("G"), 0, _CONFIGURATION.size)
_SET_CONFIGURATION: Final = request_code("w", ord("G"), 1, _CONFIGURATION.size)
_ENCAPSULATION, _INITIATOR, _MRU, _MTU = 1, 2, 7, 8

_TRIES: Final = 3
_PROBE_LIMIT: Final = 1.0
_COMMAND_LIMIT: Final = 5.0
_CLOSE_PAUSE: Final = 1.0

_CONTROL_CHANNEL: Final = 0x03
_UIH: Final = 0xEF
_CLOSE_DOWN: Final = b"\xc3\x01"


@dataclass(frozen=True, slots=True)
class _Attachment:
    uart: Uart
    settings: Multiplexer


class Multiplexers:
    """The lines that are in multiplexer mode through this process, by their device node."""

    def __init__(self, clock: Clock, control: Ioctl = ioctl) -> None:
        self._clock = clock
        self._ioctl = control
        self._attached: dict[str, _Attachment] = {}

    @property
    def holding(self) -> bool:
        """Whether a line would leave multiplexer mode if this process ended."""
        return bool(self._attached)

    async def attach(self, board: Board, path: str, *, anew: bool) -> None:
        """Bring modem and kernel into multiplexer mode over the UART at `path`; then there are /dev/gsmttyN.

        Nothing is done when they are, unless `anew`. Raises HelperError.
        """
        settings = board.mux
        if settings is None:
            raise HelperError(f"board {board.name} has no [mux]", transient=False)
        present = self._attached.get(path)
        if present is not None and present.settings == settings and not anew:
            return
        if present is not None:
            self.detach(path)
            await self._clock.sleep(_CLOSE_PAUSE)
        hardware_flow = board.serial.flow == "rtscts"
        uart = Uart(path, board.serial.baud, hardware_flow=hardware_flow, clock=self._clock)
        try:
            await self._begin(uart, settings)
            uart.set_speed(settings.baud)
            self._configure(uart, settings)
        except BaseException:
            uart.close()
            raise
        self._attached[path] = _Attachment(uart, settings)
        logger.info("%s: multiplexer attached for board %s", path, board.name)

    def detach(self, path: str) -> None:
        """Leave multiplexer mode; the kernel tells the modem. Idempotent."""
        attachment = self._attached.pop(path, None)
        if attachment is not None:
            attachment.uart.close()

    def close(self) -> None:
        """Leave it on all lines."""
        for path in tuple(self._attached):
            self.detach(path)

    async def _begin(self, uart: Uart, settings: Multiplexer) -> None:
        """The AT dialogue (3GPP TS 27.007 5.7). A modem that is silent may be in multiplexer mode already."""
        if not await self._answers(uart):
            uart.send(close_down(settings))
            await self._clock.sleep(_CLOSE_PAUSE)
            if not await self._answers(uart):
                raise HelperError(f"{uart.path}: the modem does not answer")
        for command in settings.init:
            if not await uart.command(command, _COMMAND_LIMIT):
                logger.info("%s: %s was not accepted", uart.path, command)
        if not await uart.command(settings.command, _COMMAND_LIMIT):
            raise HelperError(f"{uart.path}: the modem does not accept {settings.command}", transient=False)

    async def _answers(self, uart: Uart) -> bool:
        for _ in range(_TRIES):
            if await uart.command("AT", _PROBE_LIMIT):
                return True
        return False

    def _configure(self, uart: Uart, settings: Multiplexer) -> None:
        """Give the line to the kernel, as the side that begins, with the framing of the board."""
        self._control(uart, termios.TIOCSETD, bytearray(struct.pack("=i", _N_GSM0710)), "n_gsm")
        buffer = bytearray(_CONFIGURATION.size)
        self._control(uart, _GET_CONFIGURATION, buffer, "n_gsm settings")
        values = list(_CONFIGURATION.unpack(buffer))
        values[_ENCAPSULATION] = int(settings.mode == "advanced")
        values[_INITIATOR] = 1
        values[_MRU] = values[_MTU] = settings.frame_size
        self._control(uart, _SET_CONFIGURATION, bytearray(_CONFIGURATION.pack(*values)), "n_gsm settings")

    def _control(self, uart: Uart, request: int, buffer: bytearray, what: str) -> None:
        try:
            self._ioctl(uart.descriptor, request, buffer)
        except OSError as error:
            raise HelperError(
                f"{uart.path}: {what}: {error.strerror or error}",
                transient=False,
                hint="the kernel needs CONFIG_N_GSM (modprobe n_gsm)",
            ) from error


def close_down(settings: Multiplexer) -> bytes:
    """The command CLD on the control channel, which ends multiplexer mode (3GPP TS 27.010 5.4.6.3.3)."""
    if settings.mode == "advanced":
        header = bytes((_CONTROL_CHANNEL, _UIH))
        return b"\x7e" + header + _CLOSE_DOWN + bytes((frame_check(header),)) + b"\x7e"
    header = bytes((_CONTROL_CHANNEL, _UIH, len(_CLOSE_DOWN) << 1 | 1))
    return b"\xf9" + header + _CLOSE_DOWN + bytes((frame_check(header),)) + b"\xf9"


def frame_check(header: bytes) -> int:
    """The frame check sequence of a UIH frame (3GPP TS 27.010 5.2.1.6 and annex B)."""
    check = 0xFF
    for octet in header:
        check ^= octet
        for _ in range(8):
            check = check >> 1 ^ (0xE0 if check & 1 else 0)
    return 0xFF - check
