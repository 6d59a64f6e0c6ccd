"""Commands on this machine, where it is the board's host itself or plays one."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

import attr
from labgrid import step, target_factory
from labgrid.driver import Driver
from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.exception import ExecutionError
from labgrid.protocol import CommandProtocol

Output = tuple[list[str], list[str], int]
"""Lines of standard output and of standard error, exit code."""


@target_factory.reg_driver
@attr.s(eq=False)
class IpadLocalCommandDriver(CommandMixin, Driver, CommandProtocol):
    """Runs what SSHDriver or ShellDriver run on a board in a shell of this machine."""

    @Driver.check_active
    @step(args=["cmd"], result=True)
    def run(self, cmd: str, *, timeout: float = 30.0, codec: str = "utf-8", decodeerrors: str = "strict") -> Output:
        """Run to the end. Raises ExecutionError after `timeout` seconds: the shell and its children are then killed."""
        return self._run(cmd, timeout=timeout, codec=codec, decodeerrors=decodeerrors)

    def _run(self, cmd: str, *, timeout: float = 30.0, codec: str = "utf-8", decodeerrors: str = "strict") -> Output:
        # A session of its own, so that a command that hangs can be ended with everything that it started.
        process = subprocess.Popen(  # noqa: S603 - running what it is told is its job
            ["/bin/sh", "-c", cmd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, errors = process.communicate(timeout=timeout)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise ExecutionError(f"{cmd}: not done within {timeout:g} s") from error
            raise
        lines, remarks = (octets.decode(codec, decodeerrors).splitlines() for octets in (out, errors))
        return lines, remarks, process.returncode

    @Driver.check_active
    def get_status(self) -> int:
        """1: the shell of this machine is always there."""
        return 1
