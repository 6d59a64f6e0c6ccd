"""A journal store in memory."""

from __future__ import annotations

from collections.abc import Mapping

import cbor2

from ipad.state.store import Loaded


class MemoryStore:
    """A journal store that keeps the encoded bytes of the last save, and counts saves."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.saves = 0
        self.set_aside_reasons: list[str] = []

    def load(self) -> Loaded:
        return Loaded(content=None if self.data is None else cbor2.loads(self.data))

    def set_aside(self, reason: str) -> str:
        self.set_aside_reasons.append(reason)
        self.data = None
        return reason

    async def save(self, content: Mapping[str, object]) -> bool:
        data = cbor2.dumps(dict(content), canonical=True)
        if data == self.data:
            return False
        self.data = data
        self.saves += 1
        return True
