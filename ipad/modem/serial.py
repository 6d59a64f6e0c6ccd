"""Serial ports: opened and configured by pyserial, then a non-blocking descriptor of the event loop.

The port is ours alone: TIOCEXCL keeps other openers away, an advisory flock tells those that run as root, and a UUCP
lock file, if wanted, tells minicom and pppd. `socket://host:port` gives a TCP connection instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import stat
import termios
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import serial

from ipad.errors import ConfigError, PortError
from ipad.modem.link import LinkOpener, LinkReceiver, SerialLink
from ipad.records import dataclass

logger = logging.getLogger(__name__)

SOCKET_SCHEME: Final = "socket://"
LOCK_DIRECTORY: Final = Path("/run/lock")
_READ_SIZE = 65536
_CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a port is opened. `path` is a device or `socket://host:port`; `uucp_lock` writes a lock file as well."""

    path: str
    baud: int = 115200
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    uucp_lock: bool = False
    lock_directory: Path = LOCK_DIRECTORY


def opener(settings: SerialSettings) -> LinkOpener:
    """What opens the line of these settings, now and after each loss."""

    async def open_link() -> SerialLink:
        if settings.path.startswith(SOCKET_SCHEME):
            return await open_socket(settings.path)
        return open_port(settings)

    return open_link


def open_port(settings: SerialSettings) -> SerialLink:
    """Open and lock a serial port. Raises PortError (missing, busy, no permission, no serial port)."""
    path = settings.path
    if not path:
        raise PortError("no serial port is configured", transient=False, hint="set modem.port")
    lock = _uucp_lock(settings) if settings.uucp_lock else None
    try:
        port = _open_tty(settings)
    except BaseException:
        if lock is not None:
            lock.unlink(missing_ok=True)
        raise
    return (_TtyLink if _without_rate(path) else _UartLink)(path, port, lock)


def _without_rate(path: str) -> bool:
    """Whether the rate of a tty is a setting without effect: USB, the WWAN subsystem, a channel of a multiplexer."""
    return Path(path).resolve().name.startswith(("ttyUSB", "ttyACM", "wwan", "gsmtty"))


def _open_tty(settings: SerialSettings) -> serial.Serial:
    path = settings.path
    port = serial.Serial(
        baudrate=settings.baud,
        rtscts=settings.flow == "rtscts",
        xonxoff=settings.flow == "xonxoff",
        timeout=0,
        write_timeout=0,
        exclusive=True,
    )
    port.port = path
    try:
        if not stat.S_ISCHR(Path(path).stat().st_mode):
            raise PortError(f"{path} is no serial port", transient=False)
        port.open()
        _finish_setup(port.fileno())
    except PortError:
        raise
    except (serial.SerialException, OSError, termios.error, ValueError) as error:
        port.close()
        raise _open_error(path, error) from error
    return port


def _finish_setup(descriptor: int) -> None:
    """What pyserial leaves open: keep DTR on close, refuse other openers, start with an empty buffer."""
    attributes = termios.tcgetattr(descriptor)
    attributes[2] &= ~termios.HUPCL
    attributes[2] |= termios.CLOCAL | termios.CREAD
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    fcntl.ioctl(descriptor, termios.TIOCEXCL)
    termios.tcflush(descriptor, termios.TCIOFLUSH)
    os.set_blocking(descriptor, False)


def _error_number(error: BaseException | None) -> int | None:
    """The errno of an error or of what caused it; pyserial hides that of termios, which has it as argument only."""
    while error is not None:
        number = error.args[0] if isinstance(error, termios.error) and error.args else getattr(error, "errno", None)
        if isinstance(number, int):
            return number
        error = error.__cause__ or error.__context__
    return None


def _open_error(path: str, error: Exception) -> PortError:
    number = _error_number(error)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return PortError(f"{path}: there is no such port", hint="is the modem powered and its driver loaded?")
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in str(error):
        return PortError(f"{path} is in use by another program", hint=f"find it with: fuser -v {path}")
    if number in (errno.EACCES, errno.EPERM):
        return PortError(
            f"{path}: no permission to open it", transient=False, hint="add the user to the group of the port (dialout)"
        )
    if number == errno.ENOTTY:
        return PortError(f"{path} is no serial port", transient=False)
    return PortError(f"{path} cannot be opened: {error}")


def _uucp_lock(settings: SerialSettings) -> Path:
    """Take the lock file LCK..<port>; one whose process is gone is replaced."""
    lock = settings.lock_directory / f"LCK..{Path(settings.path).resolve().name}"
    for _ in range(2):
        try:
            with lock.open("x", encoding="ascii") as file:
                file.write(f"{os.getpid():>10}\n")
        except FileExistsError:
            owner = _lock_owner(lock)
            if owner is not None:
                raise PortError(f"{settings.path} is locked by process {owner}", hint=f"see {lock}") from None
            lock.unlink(missing_ok=True)
        except OSError as error:
            raise PortError(f"{lock} cannot be written: {error.strerror}", transient=False) from error
        else:
            return lock
    raise PortError(f"{settings.path} is being locked by another program", hint=f"see {lock}")


def _lock_owner(lock: Path) -> int | None:
    """The living process that holds a lock file."""
    try:
        owner = int(lock.read_text(encoding="ascii"))
        os.kill(owner, 0)
    except PermissionError:
        return owner
    except (OSError, ValueError):
        return None
    return owner


class _TtyLink:
    """An open tty on the event loop."""

    def __init__(self, path: str, port: serial.Serial, lock: Path | None) -> None:
        self._path = path
        self._port = port
        self._lock = lock
        self._descriptor = port.fileno()
        self._receiver: LinkReceiver | None = None
        self._outgoing = bytearray()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._waiting = False

    def set_receiver(self, receiver: LinkReceiver) -> None:
        self._receiver = receiver
        self._loop.add_reader(self._descriptor, self._readable)

    def write(self, data: bytes) -> None:
        if not self._open:
            raise PortError(f"{self._path} is closed")
        idle = not self._outgoing
        self._outgoing += data
        if idle:
            self._writable()
            if not self._open:
                raise PortError(f"{self._path} was hung up")

    def close(self) -> None:
        self._receiver = None
        self._release()

    def set_dtr(self, active: bool) -> None:
        """A pseudo terminal has no such circuit: nothing happens then."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._port.dtr = active

    def _release(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        with contextlib.suppress(OSError, termios.error):
            fcntl.ioctl(self._descriptor, termios.TIOCNXCL)
        with contextlib.suppress(OSError, serial.SerialException):
            self._port.close()
        if self._lock is not None:
            self._lock.unlink(missing_ok=True)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._hung_up(error)
            return
        if not data:
            self._hung_up(None)
        elif self._receiver is not None:
            self._receiver.data_received(data)

    def _writable(self) -> None:
        try:
            sent = os.write(self._descriptor, self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._hung_up(error)
            return
        del self._outgoing[:sent]
        if self._outgoing and not self._waiting:
            self._waiting = True
            self._loop.add_writer(self._descriptor, self._writable)
        elif self._waiting and not self._outgoing:
            self._waiting = False
            self._loop.remove_writer(self._descriptor)

    def _hung_up(self, error: OSError | None) -> None:
        self._release()
        reason = f": {error.strerror}" if error is not None and error.errno != errno.EIO else ""
        # Never from inside write(), and not any more when the owner has closed the link meanwhile.
        self._loop.call_soon(self._report, PortError(f"{self._path} was hung up{reason}"))

    def _report(self, error: PortError) -> None:
        if self._receiver is not None:
            self._receiver.link_lost(error)


class _UartLink(_TtyLink):
    """A tty whose rate counts."""

    def set_rate(self, rate: int) -> None:
        """See `RateControl`."""
        try:
            self._port.baudrate = rate
        except (serial.SerialException, OSError, termios.error, ValueError) as error:
            raise PortError(f"{self._path} cannot have {rate} bit/s: {error}", transient=False) from error


async def open_socket(url: str) -> SerialLink:
    """Connect to `socket://host:port`. Raises PortError, or ConfigError for a malformed URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port is None or parts.path not in ("", "/"):
        raise ConfigError(f"{url!r}: expected socket://host:port")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            transport, protocol = await loop.create_connection(lambda: _SocketProtocol(url), host, port)
    except TimeoutError as error:
        raise PortError(f"{url}: no connection within {_CONNECT_TIMEOUT:g} s") from error
    except OSError as error:
        raise PortError(f"{url}: no connection: {error.strerror or error}") from error
    return _SocketLink(url, transport, protocol)


class _SocketProtocol(asyncio.Protocol):
    """Hands what comes from a TCP connection to the receiver of the link; keeps what comes before there is one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.receiver: LinkReceiver | None = None
        self.early = bytearray()
        self.closing = False

    def data_received(self, data: bytes) -> None:
        if self.receiver is None:
            self.early += data
        elif not self.closing:
            self.receiver.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.receiver is not None and not self.closing:
            self.closing = True
            self.receiver.link_lost(PortError(f"{self.url} was hung up{f': {exc}' if exc else ''}"))


class _SocketLink:
    """A TCP connection in the place of a serial line."""

    def __init__(self, url: str, transport: asyncio.Transport, protocol: _SocketProtocol) -> None:
        self._url = url
        self._transport = transport
        self._protocol = protocol

    def set_receiver(self, receiver: LinkReceiver) -> None:
        self._protocol.receiver = receiver
        if self._protocol.early:
            early, self._protocol.early = bytes(self._protocol.early), bytearray()
            asyncio.get_running_loop().call_soon(self._protocol.data_received, early)
        if self._transport.is_closing():
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise PortError(f"{self._url} was hung up")
        self._transport.write(data)

    def close(self) -> None:
        self._protocol.closing = True
        self._transport.abort()
