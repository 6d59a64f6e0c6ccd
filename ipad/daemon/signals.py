"""The signals that a service of Unix obeys.

`add_signal_handler` of the event loop would do as well, but loads `inspect` and with it a compiler's view of Python, a
megabyte, to find out that our callbacks are no coroutines.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol


class Obedient(Protocol):
    """What can be told by signals."""

    def stop(self) -> None:
        """End in an orderly way."""
        ...

    def poll_now(self) -> None:
        """Poll every eIM at once."""
        ...

    def reload_soon(self) -> None:
        """Read the configuration again."""
        ...


def service_signals(process: Obedient) -> dict[signal.Signals, Callable[[], object]]:
    """SIGTERM and SIGINT stop, SIGUSR1 polls now, SIGHUP reads the configuration again."""
    return {
        signal.SIGTERM: process.stop,
        signal.SIGINT: process.stop,
        signal.SIGUSR1: process.poll_now,
        signal.SIGHUP: process.reload_soon,
    }


@contextlib.contextmanager
def obeying(callbacks: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Call what belongs to a signal, on the running loop, as long as the context lasts. Main thread only.

    The interpreter writes into a socket when a signal comes, whichever thread of the process it reaches: that wakes the
    loop, and the handlers run in the main thread.
    """
    loop = asyncio.get_running_loop()
    ours, interpreters = socket.socketpair()
    with ours, interpreters:
        ours.setblocking(False)
        interpreters.setblocking(False)
        loop.add_reader(ours, _drain, ours)
        # A full socket is no error: the loop wakes already.
        woken_before = signal.set_wakeup_fd(interpreters.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, _handler(loop, call)) for number, call in callbacks.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(woken_before)
            loop.remove_reader(ours)


def _handler(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> Callable[[int, object], None]:
    def called(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(call)

    return called


def _drain(ours: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        ours.recv(4096)
