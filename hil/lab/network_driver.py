"""A test network of the owner, told what to do by a program of the owner."""

from __future__ import annotations

import json
import math
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import attr
import pexpect
from labgrid import step, target_factory
from labgrid.driver import Driver
from labgrid.driver.exception import ExecutionError
from labgrid.protocol import CommandProtocol

from hil.modem.loading import change
from hil.network import Service

_ICCID: Final = re.compile(r"[0-9]{18,20}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_CAUSE: Final = 255
_LATE: Final = (pexpect.TIMEOUT, subprocess.TimeoutExpired)
"""What labgrid's shells raise: of a console, by SSH."""


class NetworkAction(StrEnum):
    """What a program may be able to do; the arguments are those of `hil.suite.abilities.Network`."""

    COVERAGE = "coverage"
    DATA = "data"
    REJECT = "reject"
    SERVICE = "service"
    SIGNAL = "signal"
    CUT = "cut"
    PLAY = "play"
    RESET = "reset"
    """All is as it was. Every program can do that."""


def _command(driver: object, attribute: Any, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{type(driver).__name__}.{attribute.name}: expected a command, found {value!r}")


def _known(driver: object, attribute: Any, value: object) -> None:
    known = [action.value for action in NetworkAction]
    if isinstance(value, list | tuple) and all(item in known for item in value):
        return
    place = f"{type(driver).__name__}.{attribute.name}"
    raise ValueError(f"{place}: expected a list of {', '.join(known)}, found {value!r}")


@target_factory.reg_driver
@attr.s(eq=False)
class IpadNetworkDriver(Driver):
    """Runs `program` with an action and its arguments in the shell that it binds.

    program: a command, with arguments of its own where it needs some. actions: what it can do (`NetworkAction`).
    timeout: seconds for one action. Its exit code is 0 when the network does what it was told from now on.

    Every method raises ValueError for an argument that makes no sense, ExecutionError when the program does not end
    with 0 in time.
    """

    bindings = {"cmd": CommandProtocol}  # noqa: RUF012 - the way of labgrid
    program: str = attr.ib(validator=_command)
    actions: Sequence[str] = attr.ib(default=tuple(NetworkAction), validator=_known)
    timeout: float = attr.ib(default=60.0, validator=attr.validators.instance_of(float))

    def can(self, action: NetworkAction) -> bool:
        """Whether the program does it."""
        return action is NetworkAction.RESET or action in self.actions

    @Driver.check_active
    @step(args=["on", "iccid"])
    def coverage(self, *, on: bool, iccid: str | None = None) -> None:
        """`coverage on|off [ICCID]`."""
        self._tell(NetworkAction.COVERAGE, _switch(on), *_profile(iccid))

    @Driver.check_active
    @step(args=["on", "iccid"])
    def data(self, *, on: bool, iccid: str | None = None) -> None:
        """`data on|off [ICCID]`."""
        self._tell(NetworkAction.DATA, _switch(on), *_profile(iccid))

    @Driver.check_active
    @step(args=["cause", "iccid"])
    def reject(self, cause: int | None, iccid: str | None = None) -> None:
        """`reject CAUSE|none [ICCID]`; the cause is one octet (3GPP TS 24.301 9.9.3.9)."""
        self._tell(NetworkAction.REJECT, _cause(cause), *_profile(iccid))

    @Driver.check_active
    @step(args=["members", "iccid"])
    def service(self, members: Mapping[str, Any], iccid: str | None = None) -> None:
        """`service JSON [ICCID]`: an object with some members of hil.network.Service, the others stay."""
        change(Service(), members, "service")
        text = json.dumps(dict(members), sort_keys=True, allow_nan=False, separators=(",", ":"))
        self._tell(NetworkAction.SERVICE, text, *_profile(iccid))

    @Driver.check_active
    @step(args=["rsrp", "rsrq", "sinr"])
    def signal(self, rsrp: float, rsrq: float, sinr: float) -> None:
        """`signal RSRP RSRQ SINR`, in dBm and dB."""
        self._tell(NetworkAction.SIGNAL, *(_number(value) for value in (rsrp, rsrq, sinr)))

    @Driver.check_active
    @step(args=["on"])
    def cut(self, *, on: bool) -> None:
        """`cut on|off`."""
        self._tell(NetworkAction.CUT, _switch(on))

    @Driver.check_active
    @step(args=["scenario"])
    def play(self, scenario: str) -> None:
        """`play SCENARIO`."""
        if not isinstance(scenario, str) or not _NAME.fullmatch(scenario):
            raise ValueError(f"play: expected the name of a scenario, found {scenario!r}")
        self._tell(NetworkAction.PLAY, scenario)

    @Driver.check_active
    @step()
    def reset(self) -> None:
        """`reset`."""
        self._tell(NetworkAction.RESET)

    def _tell(self, action: NetworkAction, *arguments: str) -> None:
        told = " ".join((action, *arguments))
        try:
            command = f"{self.program} {shlex.join([action, *arguments])}"
            lines, errors, code = self.cmd.run(command, timeout=self.timeout)
        except _LATE as error:
            raise ExecutionError(f"network {told}: not done within {self.timeout:g} s") from error
        if code != 0:
            said = [line for line in (*lines, *errors) if line.strip()]
            raise ExecutionError(f"network {told}: exit code {code}: {said[-1] if said else 'it said nothing'}")


def _switch(on: object) -> str:
    if not isinstance(on, bool):
        raise ValueError(f"on: expected True or False, found {on!r}")
    return "on" if on else "off"


def _profile(iccid: object) -> tuple[str, ...]:
    if iccid is None:
        return ()
    if not isinstance(iccid, str) or not _ICCID.fullmatch(iccid):
        raise ValueError(f"iccid: expected 18 to 20 digits, found {iccid!r}")
    return (iccid,)


def _cause(cause: object) -> str:
    if cause is None:
        return "none"
    if isinstance(cause, bool) or not isinstance(cause, int) or not 0 <= cause <= _MOST_CAUSE:
        raise ValueError(f"cause: expected 0 to {_MOST_CAUSE} or None, found {cause!r}")
    return str(cause)


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"signal: expected a number, found {value!r}")
    return f"{value:g}"
