"""Asking the privileged helper; root starts one where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ipad.errors import HelperError
from ipad.helper.protocol import (
    HOOKS,
    MAX_LINE,
    SOCKET,
    SOCKET_VARIABLE,
    Answer,
    AttachMultiplexer,
    Kind,
    PowerCycle,
    PulseReset,
    Request,
    RunHook,
    SetClock,
    decode_answer,
    encode_request,
    is_hook_name,
)

Starter = Callable[[Path], Awaitable[None]]
"""Starts a helper that listens at a path, and returns when it does. Raises OSError, TimeoutError."""

_CONNECT_LIMIT: Final = 10.0
_START_LIMIT: Final = 20.0
_START_POLL: Final = 0.1
_ACTION_LIMIT: Final = 120.0
"""Seconds that an action may take beyond what the board asks for; others may be served before."""


class PrivilegedHelper:
    """The helper behind a socket. `start` starts one where there is none, as only root can; None: nobody does."""

    def __init__(self, path: Path | None = None, start: Starter | None = None) -> None:
        self._path = path or Path(os.environ.get(SOCKET_VARIABLE) or SOCKET)
        self._start = start or (start_helper if _is_root() else None)

    async def reset(self, board: str) -> None:
        """A pulse on the reset line of a board. Raises HelperError."""
        await self._ask(PulseReset(board), _ACTION_LIMIT)

    async def power_cycle(self, board: str, *, off: float = 0.0) -> None:
        """Power off and on; `off`: how many seconds this takes by its definition. Raises HelperError."""
        await self._ask(PowerCycle(board), _ACTION_LIMIT + off)

    async def attach_multiplexer(self, board: str, *, anew: bool = False) -> None:
        """Bring the UART of a board into multiplexer mode. Raises HelperError."""
        await self._ask(AttachMultiplexer(board, anew), _ACTION_LIMIT)

    async def run_hook(
        self,
        program: str,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        *,
        text: str = "",
        limit: float = 60.0,
    ) -> int:
        """Run a program of the directory of hooks by its path, and return its exit code. Raises HelperError."""
        request = RunHook(Path(program).name, tuple(arguments), dict(variables), text, limit)
        return (await self._ask(request, _ACTION_LIMIT + limit)).code

    async def set_clock(self, seconds: float) -> None:
        """Set the clock of the system, in seconds since 1970. Raises HelperError."""
        await self._ask(SetClock(seconds), _ACTION_LIMIT)

    async def _ask(self, request: Request, limit: float) -> Answer:
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(limit):
                writer.write(encode_request(request))
                await writer.drain()
                line = await reader.readline()
        except (OSError, TimeoutError, ValueError) as error:
            raise HelperError(f"the helper does not answer to {request.action}: {_reason(error)}") from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if not line:
            raise HelperError(f"the helper broke off {request.action}")
        answer = decode_answer(line)
        if not answer.ok:
            raise HelperError(f"helper: {answer.message}", transient=answer.kind is not Kind.REFUSED)
        return answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await self._open()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if self._start is None:
                raise HelperError(
                    f"this needs the privileged helper, and there is none: {self._path}: {_reason(error)}",
                    transient=False,
                    hint="systemctl enable --now ipad-helper.socket",
                ) from error
        except (OSError, TimeoutError) as error:
            raise HelperError(f"{self._path}: {_reason(error)}", hint=_hint(error)) from error
        try:
            await self._start(self._path)
            return await self._open()
        except (OSError, TimeoutError) as error:
            raise HelperError(f"{self._path}: the helper was not started: {_reason(error)}") from error

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(_CONNECT_LIMIT):
            return await asyncio.open_unix_connection(self._path, limit=MAX_LINE + 1)


async def start_helper(path: Path) -> None:
    """Start a helper of our own, which outlives us while something depends on it. Raises OSError, TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        # The shell ends at once, so that the helper is nobody's child.
        *("/bin/sh", "-c", '"$@" &', "sh"),
        *(sys.executable, "-m", "ipad", "helper", "--listen", str(path)),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    await process.wait()
    async with asyncio.timeout(_START_LIMIT):
        while not _listens(path):  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(_START_POLL)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        return trial.connect_ex(str(path)) == 0


def through_helper(program: str) -> bool:
    """Whether a hook is one of those that the helper runs for whoever is not root."""
    path = Path(program)
    return path.parent == HOOKS and is_hook_name(path.name) and not _is_root()


def _is_root() -> bool:
    return os.geteuid() == 0


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    return getattr(error, "strerror", None) or str(error)


def _hint(error: Exception) -> str | None:
    return "only the user ipad and root may ask" if isinstance(error, PermissionError) else None
