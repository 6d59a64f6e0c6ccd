"""AT commands on a port that nobody else uses: a spare one of the modem, or that of an agent which is stopped."""

from __future__ import annotations

import re
from typing import Any, Final

import attr
import pexpect
from labgrid import step, target_factory
from labgrid.driver import Driver
from labgrid.driver.exception import ExecutionError
from labgrid.protocol import ConsoleProtocol

from hil.waiting import looks

_FINAL: Final = (
    r"\r\n(OK|ERROR|\+CM[ES] ERROR: ?[^\r\n]*|NO CARRIER|NO DIALTONE|BUSY|NO ANSWER|COMMAND NOT SUPPORT)\r\n"
)
"""Final result codes (3GPP TS 27.007 9.2, TS 27.005 3.2.5, ITU-T V.250 6.3.1)."""
_LONGEST: Final = 1024
_ATTEMPTS: Final = 3


@target_factory.reg_driver
@attr.s(eq=False)
class IpadAtDriver(Driver):
    """Talks to a modem over any console: pty, USB, ser2net or a raw TCP bridge.

    The modem echoes: what came before the echo of a command is no part of its answer. timeout: seconds for an answer.
    pause: seconds between two questions of `await_sim`.
    """

    bindings = {"port": ConsoleProtocol}  # noqa: RUF012 - the way of labgrid
    timeout: float = attr.ib(default=5.0, validator=attr.validators.instance_of(float))
    pause: float = attr.ib(default=0.5, validator=attr.validators.instance_of(float))

    def on_activate(self) -> None:
        """Have the modem echo. The first attempts may end what somebody else left unfinished on the line."""
        for attempt in range(_ATTEMPTS):
            self.port.write(b"\rATE1\r")
            try:
                self.port.expect(r"\r\nOK\r\n", timeout=self.timeout)
            except pexpect.TIMEOUT as error:
                if attempt == _ATTEMPTS - 1:
                    text = f"the modem does not answer ATE1: {_ATTEMPTS} times nothing within {self.timeout:g} s"
                    raise ExecutionError(text) from error
            else:
                return

    @Driver.check_active
    @step(args=["command"], result=True)
    def at(self, command: str, timeout: float | None = None) -> list[str]:
        """Information lines of the answer. Raises ExecutionError: another final result than OK, or none in time."""
        if not command.isascii() or not command.isprintable() or not 2 <= len(command) <= _LONGEST:
            raise ValueError(f"expected one AT command of printable ASCII, found {command!r}")
        limit = self.timeout if timeout is None else timeout
        self.port.write(command.encode("ascii") + b"\r")
        try:
            self.port.expect(re.escape(command) + r"\r", timeout=limit)
            _, before, match, _ = self.port.expect(_FINAL, timeout=limit)
        except pexpect.TIMEOUT as error:
            raise ExecutionError(f"{command}: no answer within {limit:g} s") from error
        final = _text(match.group(1))
        if final != "OK":
            raise ExecutionError(f"{command}: {final}")
        return [line for line in _text(before).split("\r\n") if line.strip()]

    @Driver.check_active
    @step()
    def await_sim(self, timeout: float = 60.0) -> None:
        """Wait until the SIM is ready (AT+CPIN?, 3GPP TS 27.007 8.3). Raises ExecutionError."""
        answer = ""
        for _ in looks(timeout, self.pause):
            try:
                answer = " ".join(self.at("AT+CPIN?"))
            except ExecutionError as error:
                answer = str(error.msg)
            if "+CPIN: READY" in answer:
                return
        raise ExecutionError(f"the SIM is not ready after {timeout:g} s: {answer or 'no information'}")


def _text(data: Any) -> str:
    """Octets of the line as text; a modem's line noise must not end a test with a decoding error."""
    return data.decode("ascii", "replace") if isinstance(data, bytes) else str(data)
