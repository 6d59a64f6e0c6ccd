"""The seam between the AT port and whatever carries its bytes: a tty, a TCP connection, a test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from ipad.errors import PortError


class LinkReceiver(Protocol):
    """What a link reports to its owner; called from the event loop, never from inside write()."""

    def data_received(self, data: bytes) -> None:
        """Bytes arrived, cut anywhere."""
        ...

    def link_lost(self, error: PortError) -> None:
        """The line was hung up; the link is closed and nothing follows."""
        ...


class SerialLink(Protocol):
    """An open line. Owned by one receiver."""

    def set_receiver(self, receiver: LinkReceiver) -> None:
        """Name the owner; bytes that arrive from now on go to it."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data` in order, without blocking. Raises PortError when the line is gone."""
        ...

    def close(self) -> None:
        """Release the line and every lock on it. Idempotent; link_lost() is not called."""
        ...


@runtime_checkable
class ModemControl(Protocol):
    """A line with the circuit DTR (V.24 108/2). Lines without it just lack the method."""

    def set_dtr(self, active: bool) -> None:
        """Raise or drop DTR."""
        ...


@runtime_checkable
class RateControl(Protocol):
    """A UART, whose rate counts. Lines on which it is without meaning (USB, TCP, a multiplexer) lack the method."""

    def set_rate(self, rate: int) -> None:
        """Send and receive at `rate` bit/s from now on. Raises PortError for one that the UART cannot have."""
        ...


LinkOpener = Callable[[], Awaitable[SerialLink]]
"""Opens the line anew, by the same name. Raises PortError when it is missing or busy."""
