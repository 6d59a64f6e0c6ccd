"""Power cuts before and after every effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


class PowerCut(BaseException):
    """The power is gone; nothing that the agent does may catch this."""


@dataclass
class Fuse:
    """Counts the points at which the power may go, and blows at one of them."""

    blow_at: int | None = None
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.blow_at:
            raise PowerCut(f"at point {self.passed}")


class Fused:
    """A port whose every awaited call has a point before and a point after its effect."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value) or name in ("monotonic", "time", "unusable", "connect", "load", "set_aside", "forget"):
            return value

        async def fused(*args: Any, **kwargs: Any) -> Any:
            call: Callable[..., Awaitable[Any]] = value
            self._fuse.point()
            result = await call(*args, **kwargs)
            self._fuse.point()
            return result

        return fused
