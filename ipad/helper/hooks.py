"""Programs of root: only those in one directory, only when nobody else could have put or changed them there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ipad.clock import Clock
from ipad.errors import HelperError
from ipad.helper.protocol import HOOKS, RunHook, is_hook_name
from ipad.helper.trust import demand_trusted

_GRACE: Final = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Hooks:
    """The directory of hooks. `owners`: who may own them beside root; tests are not root."""

    def __init__(self, clock: Clock, directory: Path = HOOKS, owners: frozenset[int] = frozenset()) -> None:
        self._clock = clock
        self._directory = directory
        self._owners = owners

    async def run(self, request: RunHook) -> int:
        """Run a hook to its end and return its exit code; what it prints goes where the helper's own log goes.

        A program that it leaves in the background is none of our business. Raises HelperError when it is no program
        of root's, cannot be started, or takes longer than its limit, and is ended then.
        """
        program = self._directory / request.name
        if not is_hook_name(request.name):
            raise HelperError(f"{request.name!r} is no name of a hook", transient=False)
        demand_trusted(program, self._owners)
        if not os.access(program, os.X_OK):
            raise HelperError(f"{program} is not executable", transient=False)
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *request.arguments,
                stdin=asyncio.subprocess.PIPE,
                env={**_ENVIRONMENT, **request.variables},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise HelperError(f"{program} cannot be run: {error.strerror or error}", transient=False) from error
        try:
            return await self._finished(process, request)
        finally:
            if process.returncode is None:
                await self._kill(process)

    async def _finished(self, process: asyncio.subprocess.Process, request: RunHook) -> int:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(f"{request.text}\n".encode())
            process.stdin.close()
        ended = asyncio.ensure_future(process.wait())
        alarm = asyncio.ensure_future(self._clock.sleep(request.limit))
        try:
            await asyncio.wait((ended, alarm), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                raise HelperError(f"{request.name}: not done within {request.limit:g} s, ended")
            return ended.result()
        finally:
            ended.cancel()
            alarm.cancel()

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        """SIGTERM, then SIGKILL, to the program and all that is left of its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        ended = asyncio.ensure_future(process.wait())
        alarm = asyncio.ensure_future(self._clock.sleep(_GRACE))
        await asyncio.wait((ended, alarm), return_when=asyncio.FIRST_COMPLETED)
        alarm.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await ended
