"""A port that plays back responses and keeps the requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipad.errors import StatusWordError

Answer = str | StatusWordError | bytes


def refused(sw: int = 0x6A80) -> StatusWordError:
    """The eUICC answers this status word."""
    return StatusWordError(f"status word {sw:04X}", sw=sw)


@dataclass
class ScriptedSession:
    """Answers requests in order with hexadecimal digits, bytes or an error."""

    answers: list[Answer]
    fci: bytes = b"\x6f\x00"
    requests: list[str] = field(default_factory=list)
    repeatable: list[bool] = field(default_factory=list)
    segments: list[bytes] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        self.requests.append(request.hex().upper())
        self.repeatable.append(repeatable)
        return self._next()

    async def transceive_segment(self, data: bytes) -> bytes:
        self.segments.append(data)
        return self._next()

    async def close(self) -> None:
        self.calls.append("close")

    async def reset(self) -> None:
        self.calls.append("reset")

    def _next(self) -> bytes:
        answer = self.answers.pop(0)
        if isinstance(answer, StatusWordError):
            raise answer
        return bytes.fromhex(answer) if isinstance(answer, str) else answer
