"""Several workers as processes, and what they are told to do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from hil.sweep.errors import SweepError
from hil.sweep.run import Run
from hil.sweep.worker import run_from_json

_LONGEST_LINE: Final = 1 << 24


class Hand:
    """One worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, name: str, kill_at: int, pause: float, polls: Mapping[str, int]) -> Run:
        """One run. Raises SweepError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"name": name, "kill_at": kill_at, "pause": pause, "polls": dict(polls)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise SweepError("a worker has ended; what it had to say stands above")
        answer = json.loads(line)
        if "error" in answer:
            raise SweepError(f"{name}, point {kill_at}: {answer['error']}")
        return run_from_json(answer)

    async def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@asynccontextmanager
async def crew(folder: Path, size: int, command: str | None) -> AsyncIterator[tuple[Hand, ...]]:
    """Workers while the context lasts, each in a folder of its own."""
    hands: list[Hand] = []
    try:
        for number in range(size):
            own = folder / str(number)
            own.mkdir(parents=True)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "hil.sweep.worker",
                str(own),
                *([] if command is None else [command]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
            hands.append(Hand(process))
        yield tuple(hands)
    finally:
        await asyncio.gather(*(hand.close() for hand in hands))
