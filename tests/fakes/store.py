"""A journal store in memory."""

from __future__ import annotations

from collections.abc import Mapping

import cbor2

from ipad.errors import StateError
from ipad.state.store import Loaded


class MemoryStore:
    """A journal store that keeps the encoded bytes of the last save, and counts saves.

    `room`: how many saves the disk still takes before it is full; None is any number.
    """

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.saves = 0
        self.room: int | None = None
        self.set_aside_reasons: list[str] = []

    def load(self) -> Loaded:
        return Loaded(content=None if self.data is None else cbor2.loads(self.data))

    def set_aside(self, reason: str) -> str:
        self.set_aside_reasons.append(reason)
        self.data = None
        return reason

    async def save(self, content: Mapping[str, object]) -> bool:
        if self.room is not None:
            if self.room == 0:
                raise StateError("disk full")
            self.room -= 1
        data = cbor2.dumps(dict(content), canonical=True)
        if data == self.data:
            return False
        self.data = data
        self.saves += 1
        return True
