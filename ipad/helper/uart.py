"""One UART, opened raw and locked, with just enough of an AT dialogue to bring a modem into multiplexer mode."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import termios
from typing import Final

from ipad.clock import Clock
from ipad.errors import HelperError

_FINAL = re.compile(rb"[\r\n](OK|ERROR|\+CM[ES] ERROR[^\r\n]*)[\r\n]")
_MAX_ANSWER: Final = 4096
_CRTSCTS: Final = termios.CRTSCTS


class Uart:
    """An open line. `path` is a device node."""

    def __init__(self, path: str, baud: int, *, hardware_flow: bool, clock: Clock) -> None:
        """Open and lock the line. Raises HelperError."""
        self.path = path
        self._clock = clock
        self._flow = hardware_flow
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise HelperError(f"{path}: {error.strerror or error}") from error
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.set_speed(baud)
        except BlockingIOError as error:
            self.close()
            raise HelperError(f"{path} is in use by another program") from error
        except (OSError, HelperError, termios.error) as error:
            self.close()
            raise HelperError(f"{path} cannot be set up: {error}", transient=False) from error

    def set_speed(self, baud: int) -> None:
        """Raw mode, eight bits, at this speed. Raises HelperError for a speed that the system does not know."""
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise HelperError(f"{self.path}: there is no line speed of {baud} bit/s", transient=False)
        _, _, _, _, _, _, characters = termios.tcgetattr(self.descriptor)
        flags = termios.CS8 | termios.CREAD | termios.CLOCAL | (_CRTSCTS if self._flow else 0)
        termios.tcsetattr(self.descriptor, termios.TCSANOW, [0, 0, flags, 0, speed, speed, characters])

    async def command(self, text: str, limit: float) -> bool | None:
        """Send a command; True for OK, False for an error, None when nothing final came in time (seconds)."""
        self.discard()
        self.send(f"{text}\r".encode("ascii"))
        heard = bytearray()
        more = asyncio.Event()
        loop = asyncio.get_running_loop()

        def take() -> None:
            with contextlib.suppress(BlockingIOError):
                heard.extend(os.read(self.descriptor, _MAX_ANSWER))
            del heard[:-_MAX_ANSWER]
            more.set()

        loop.add_reader(self.descriptor, take)
        alarm = asyncio.ensure_future(self._clock.sleep(limit))
        try:
            while True:
                final = _FINAL.search(heard)
                if final is not None:
                    return final[1] == b"OK"
                more.clear()
                waiting = asyncio.ensure_future(more.wait())
                await asyncio.wait((alarm, waiting), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if alarm.done() and not more.is_set():
                    return None
        finally:
            alarm.cancel()
            loop.remove_reader(self.descriptor)

    def send(self, data: bytes) -> None:
        """Write; a line that takes no more is a line that is stuck. Raises HelperError."""
        try:
            sent = os.write(self.descriptor, data)
        except OSError as error:
            raise HelperError(f"{self.path}: {error.strerror or error}") from error
        if sent != len(data):
            raise HelperError(f"{self.path}: the line takes no more")

    def discard(self) -> None:
        """Forget what came before."""
        with contextlib.suppress(termios.error):
            termios.tcflush(self.descriptor, termios.TCIFLUSH)

    def close(self) -> None:
        """Let the line go. Idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
