"""The back end that runs a program: the way to netifd, NetworkManager, wvdial and the tools of vendors.

It is called `HOOK up REASON` or `HOOK down REASON`, with what it needs in its environment and the password in its
standard input, where neither `ps` nor /proc shows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Self

from ipad.bearer.backend import BearerReason, BearerRequest
from ipad.bearer.interface import read_interface
from ipad.bearer.session import InterfaceReader, LinkSession
from ipad.bearer.settings import BearerConfig
from ipad.clock import Clock
from ipad.errors import BearerError, HelperError
from ipad.modem.modem import Modem
from ipad.modem.waiting import within

logger = logging.getLogger(__name__)

TRY_AGAIN: Final = 75
"""Exit code EX_TEMPFAIL of sysexits.h: not now, perhaps later."""

_HOOKS: Final = "/etc/ipad/hooks.d/"
"""Programs there are run by the privileged helper, unless the agent is root itself."""
_GRACE: Final = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_MAX_OUTPUT: Final = 4096
_CHUNK: Final = 1024
_MAX_PIECES: Final = 64
"""Pieces that a full pipe of Linux holds; whoever writes on is not waited for."""
_NOT_INHERITED: Final = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY")
"""What belongs to the agent alone (systemd.exec, sd_notify)."""


class HookBearer:
    """One program, run by one call at a time. Link and its session are watched as by the back end `none`."""

    def __init__(
        self,
        config: BearerConfig,
        modem: Modem | None,
        clock: Clock,
        interface: str,
        read: InterfaceReader = read_interface,
    ) -> None:
        self._program = config.hook
        self._limit = config.hook_timeout
        self._clock = clock
        self._interface = interface
        self._session = LinkSession(modem, interface, read)
        self._lock = asyncio.Lock()
        self._last: BearerRequest | None = None

    async def bring_up(self, request: BearerRequest) -> None:
        """Run `HOOK up REASON`. Raises BearerError when it cannot be run, fails, or takes too long."""
        async with self._lock:
            self._last = request
            await self._run("up", request.reason, environment(request, self._interface), request.access.password)

    async def take_down(self, reason: BearerReason) -> None:
        """Run `HOOK down REASON`. Raises BearerError."""
        async with self._lock:
            request = self._last or BearerRequest(None, None, None, reason)
            await self._run("down", reason, environment(request, self._interface), "")

    async def session(self) -> str | None:
        """What modem and interface show. Raises PortError, BearerError."""
        return await self._session.name()

    def package(self) -> AbstractAsyncContextManager[None]:
        """Nobody has to step aside."""
        return contextlib.nullcontext()

    async def close(self) -> None:
        """Nothing is held; the link stays."""

    async def _run(
        self, action: Literal["up", "down"], reason: BearerReason, variables: Mapping[str, str], password: str
    ) -> None:
        call = f"{self._program} {action} {reason}"
        logger.info("%s", call)
        told = {**variables, "IPAD_ACTION": action, "IPAD_REASON": str(reason)}
        if self._program.startswith(_HOOKS):
            from ipad.helper.client import through_helper  # noqa: PLC0415 - only hooks there may need the helper

            if through_helper(self._program):
                self._judge(await self._by_helper((action, str(reason)), told, password), call)
                return
        with _Output() as output:
            process = await self._begin((action, str(reason)), told, output.write_end)
            try:
                _tell(process, password)
                code = await self._finished(process, call)
            finally:
                if process.returncode is None:
                    await self._kill(process)
                output.log(self._program)
        self._judge(code, call)

    async def _by_helper(self, arguments: tuple[str, ...], told: Mapping[str, str], password: str) -> int:
        """The program is one of root's: the privileged helper runs it. Raises BearerError."""
        from ipad.helper.client import PrivilegedHelper  # noqa: PLC0415

        try:
            return await PrivilegedHelper().run_hook(self._program, arguments, told, text=password, limit=self._limit)
        except HelperError as error:
            raise BearerError(str(error), transient=error.transient, hint=error.hint) from error

    def _judge(self, code: int, call: str) -> None:
        """Raise BearerError for an exit code that is not 0."""
        if code == TRY_AGAIN:
            raise BearerError(f"{call}: not now (exit code {TRY_AGAIN})")
        if code:
            raise BearerError(f"{call}: exit code {code}", transient=False)

    async def _begin(
        self, arguments: tuple[str, ...], told: Mapping[str, str], output: int
    ) -> asyncio.subprocess.Process:
        """Start the program. One whose caller gives up at that moment is ended like any other."""
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        beginning = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                self._program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**inherited, **told},
                start_new_session=True,
            )
        )
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                await self._kill(await beginning)
            raise
        except OSError as error:
            raise BearerError(
                f"{self._program} cannot be run: {error.strerror or error}",
                transient=False,
                hint="bearer.hook is the absolute path of an executable file",
            ) from error

    async def _finished(self, process: asyncio.subprocess.Process, call: str) -> int:
        waiting = asyncio.ensure_future(process.wait())
        try:
            return await within(self._clock, self._limit, waiting)
        except TimeoutError as error:
            raise BearerError(f"{call}: not done within {self._limit:g} s, ended") from error
        finally:
            waiting.cancel()

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        """SIGTERM, then SIGKILL, to the program and all that it started in its session."""
        waiting = asyncio.ensure_future(process.wait())
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(TimeoutError):
                await within(self._clock, _GRACE, waiting)
                break
        waiting.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def environment(request: BearerRequest, interface: str) -> dict[str, str]:
    """What the program is told; the password is not among it."""
    access = request.access
    return {
        "IPAD_ICCID": str(request.iccid) if request.iccid is not None else "",
        "IPAD_IMSI": request.imsi or "",
        "IPAD_APN": access.name,
        "IPAD_IP_TYPE": str(access.ip_type),
        "IPAD_AUTH": str(access.auth),
        "IPAD_USER": access.user,
        "IPAD_INTERFACE": interface,
    }


def _tell(process: asyncio.subprocess.Process, password: str) -> None:
    """One line with the password, empty without one, and the end of the input."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(f"{password}\n".encode())
        process.stdin.close()


class _Output:
    """A pipe for what the program says. A program that it left in the background cannot hold the agent up with it."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._said = bytearray()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        self._loop.add_reader(self._read_end, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        os.close(self.write_end)

    def log(self, program: str) -> None:
        """What was said so far, and no control characters with it."""
        for _ in range(_MAX_PIECES):
            if not self._take():
                break
        for line in self._said.decode("utf-8", "replace").splitlines():
            logger.info("%s: %s", program, "".join(char if char.isprintable() else "?" for char in line))

    def _take(self) -> bool:
        """Read a piece; beyond the limit it is forgotten. False when there is none."""
        try:
            piece = os.read(self._read_end, _CHUNK)
        except BlockingIOError:
            return False
        self._said += piece[: _MAX_OUTPUT - len(self._said)]
        return bool(piece)
