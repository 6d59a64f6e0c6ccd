"""A binding that answers as told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ipad.errors import HttpStatusError

Reply = bytes | Exception
Handler = Callable[[bytes], Reply]


def status(code: int, *, transient: bool = False) -> HttpStatusError:
    return HttpStatusError(f"HTTP status {code}", status=code, transient=transient)


class ScriptedBinding:
    """Takes the replies in order, or asks the handler each time."""

    def __init__(self, replies: Sequence[Reply] | Handler) -> None:
        self._replies = replies if callable(replies) else list(replies)
        self.messages: list[bytes] = []
        self.closed = 0

    async def exchange(self, message: bytes) -> bytes:
        self.messages.append(message)
        reply = self._replies(message) if callable(self._replies) else self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        self.closed += 1
