"""A virtual modem on a pseudo terminal with a name that stays the same while the terminal changes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import termios
import tty
from pathlib import Path

from hil.clock import Clock
from hil.modem.core import VirtualModem
from hil.modem.inotify import OpenWatch
from hil.modem.serial_line import UNPACED, LineSpeed, SerialLine

_log = logging.getLogger(__name__)
_READ_SIZE = 4096
# What a client that does not read may leave behind; a real modem loses characters much earlier.
_OUTPUT_LIMIT = 1 << 14
_RATES = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name.startswith("B") and name[1:].isdecimal()
}
"""bit/s by the constant of termios(3)."""
_OUTPUT_SPEED = 5


class PtyPort:
    """Publishes a modem as `link`, a symbolic link to the terminal of the moment.

    When the modem's port vanishes the link is removed and the terminal hung up: a client sees end of file or EIO, and a
    missing file when it looks again. When it is back there is a new terminal under the old name. `speed` says how slow
    the line is and whether it is a UART, where the client has to set the rate of the modem (termios). Only usable
    inside a running event loop.
    """

    def __init__(self, modem: VirtualModem, link: Path, clock: Clock, speed: LineSpeed = UNPACED) -> None:
        self._modem = modem
        self._link = link
        self._master: int | None = None
        self._slave: int | None = None
        self._watch: OpenWatch | None = None
        self._unsent = bytearray()
        self.line = SerialLine(modem, clock, self._send, speed, self._client_rate)
        self._closed = True

    @property
    def path(self) -> Path:
        """The stable name."""
        return self._link

    def open(self) -> None:
        """Publish the port, and follow the modem from now on.

        Raises:
            FileExistsError: `link` is something else than a symbolic link.
        """
        if self._link.exists() and not self._link.is_symlink():
            raise FileExistsError(f"{self._link} exists and is no symbolic link")
        self._closed = False
        self._modem.on_output(self.line.from_modem)
        self._modem.on_port(self._presence)
        if self._modem.port_present:
            self._attach()

    def close(self) -> None:
        """Withdraw the port for good."""
        self._closed = True
        self._detach()

    def _presence(self, present: bool) -> None:
        if self._closed:
            return
        if present:
            self._attach()
        else:
            self._detach()

    def _attach(self) -> None:
        if self._master is not None:
            return
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        # The slave stays open here, or the master would read EIO whenever no client is there.
        self._master, self._slave = master, slave
        name = os.ttyname(slave)
        asyncio.get_running_loop().add_reader(master, self._readable)
        try:
            self._watch = OpenWatch(name, self._clients)
        except OSError as error:
            _log.warning("%s: cannot see clients come and go: %s", name, error)
        # In one step, so that a client never finds the old name of another terminal.
        temporary = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(name)
        temporary.replace(self._link)

    def _detach(self) -> None:
        if self._master is None or self._slave is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        with contextlib.suppress(OSError):
            if self._link.is_symlink() and str(self._link.readlink()) == os.ttyname(self._slave):
                self._link.unlink()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = None
        self._unsent.clear()
        self.line.clear()

    def _clients(self, count: int) -> None:
        """The last client left: undo what it set, which a real port forgets with its last close.

        TIOCEXCL of a client that was killed would keep everybody but root out as long as the slave is open here.
        """
        if count == 0 and self._slave is not None:
            fcntl.ioctl(self._slave, termios.TIOCNXCL)
            tty.setraw(self._slave, termios.TCSANOW)

    def _readable(self) -> None:
        if self._master is None:
            return
        try:
            data = os.read(self._master, _READ_SIZE)
        except BlockingIOError:
            return
        self.line.from_host(data)

    def _client_rate(self) -> int:
        """What the client set: both ends of a pseudo terminal show the same settings. 0 while there is no terminal."""
        return 0 if self._master is None else _RATES.get(termios.tcgetattr(self._master)[_OUTPUT_SPEED], 0)

    def _send(self, data: bytes) -> None:
        if self._master is None:
            return
        room = _OUTPUT_LIMIT - len(self._unsent)
        self._unsent += data[:room]
        self._flush()

    def _flush(self) -> None:
        master = self._master
        if master is None:
            return
        loop = asyncio.get_running_loop()
        try:
            sent = os.write(master, self._unsent) if self._unsent else 0
        except BlockingIOError:
            sent = 0
        del self._unsent[:sent]
        if self._unsent:
            loop.add_writer(master, self._flush)
        else:
            loop.remove_writer(master)
