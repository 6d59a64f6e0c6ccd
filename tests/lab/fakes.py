"""labgrid's own fakes, taught to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attr
from labgrid import Target
from labgrid.driver import Driver
from labgrid.driver.fake import FakeCommandDriver, FakeConsoleDriver, FakePowerDriver

Output = tuple[list[str], list[str], int]
DONE: Output = ([], [], 0)


@attr.s(eq=False)
class ModemConsole(FakeConsoleDriver):
    """A modem at the other end. `answers`: what follows the echo of a command."""

    answers: dict[str, Any] = attr.ib(factory=dict)
    echoes: bool = attr.ib(default=True)

    def _write(self, data: bytes, *_: Any) -> int:
        self.txq.append(data)
        for command in data.decode().strip("\r").split("\r"):
            if self.echoes:
                self.say(command.encode() + b"\r")
            answer = self.answers.get(command, b"\r\nOK\r\n" if command == "ATE1" else b"")
            if isinstance(answer, list):
                answer = answer.pop(0) if answer else b""
            if answer:
                self.say(answer)
        return len(data)

    def say(self, data: bytes) -> None:
        """What the modem sends of its own accord."""
        self.rxq.insert(0, data)

    @property
    def sent(self) -> list[bytes]:
        return list(self.txq)


@attr.s(eq=False)
class Shell(FakeCommandDriver):
    """A board's shell. `answer` is called with each command; `ran` has them all."""

    answer: Callable[[str], Output] = attr.ib(default=lambda _command: DONE)
    ran: list[str] = attr.ib(factory=list)

    @Driver.check_active
    def run(self, cmd: str, timeout: float | None = None, **_: Any) -> Output:
        self.ran.append(cmd)
        return self.answer(cmd)

    _run = run

    @Driver.check_active
    def run_check(self, cmd: str, **options: Any) -> list[str]:
        return list(self._run_check(cmd, **options))

    @Driver.check_active
    def get_status(self) -> int:
        return 1


@attr.s(eq=False)
class Supply(FakePowerDriver):
    """A power switch that remembers."""

    did: list[str] = attr.ib(factory=list)

    def on(self) -> None:
        self.did.append("on")

    def off(self) -> None:
        self.did.append("off")

    def cycle(self) -> None:
        self.did.append("cycle")


def active(target: Target, driver: Any) -> Any:
    """The driver, active."""
    target.activate(driver)
    return driver
