"""An event loop in a thread of its own: the bench lives there, cases stay synchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from hil.clock import LoopClock
from hil.waiting import until

T = TypeVar("T")

_LOOK: Final = 0.004
_PATIENCE: Final = 60.0


class LoopThread:
    """Use `start` and `stop`. What is called through it runs in the loop, so it never races with the bench."""

    def __init__(self, name: str = "bench") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)

    def start(self) -> None:
        """Begin to turn."""
        self._thread.start()

    def stop(self) -> None:
        """Stop turning."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
        if not self._loop.is_running():
            self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T], within: float = _PATIENCE) -> T:
        """The result of a coroutine. Raises TimeoutError, and what it raises."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(within)
        except TimeoutError:
            future.cancel()
            raise
        except BaseException:
            future.cancel()
            raise

    def call(self, action: Callable[[], T]) -> T:
        """The result of a function that is called in the loop."""
        return self.run(_called(action))

    def until(self, holds: Callable[[], bool], within: float) -> bool:
        """Wait until a condition, asked in the loop, holds; whether it does."""
        return self.run(until(holds, LoopClock(), _LOOK, within=within), within + _PATIENCE)


async def _called(action: Callable[[], T]) -> T:
    return action()
