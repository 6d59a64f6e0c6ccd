"""The states of a gateway under test, from dark to online, and the way from one to the next."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attr
from labgrid import step, target_factory
from labgrid.driver import Driver
from labgrid.protocol import CommandProtocol, PowerProtocol
from labgrid.strategy import Strategy, StrategyError, never_retry

from hil.lab.at_driver import IpadAtDriver
from hil.lab.daemon_driver import IpadDaemonDriver
from hil.waiting import looks


class Status(enum.Enum):
    """Each but the first builds on the one before."""

    unknown = 0
    off = 1
    booted = 2
    modem_ready = 3
    daemon_ready = 4
    online = 5


@target_factory.reg_driver
@attr.s(eq=False)
class IpadGatewayStrategy(Strategy):
    """Brings a gateway into one of the states of `Status`.

    power: the supply of the gateway; without it `off` cannot be had and `booted` takes the gateway as it is. modem: an
    AT port; a shared one (`spare_port` false) is the agent's own, used only while the agent is stopped. boot_timeout,
    modem_timeout, start_timeout, online_timeout: seconds for each way.
    """

    bindings = {  # noqa: RUF012 - the way of labgrid
        "power": {PowerProtocol, None},
        "cmd": CommandProtocol,
        "modem": {IpadAtDriver, None},
        "daemon": IpadDaemonDriver,
    }
    status: Status = attr.ib(default=Status.unknown, validator=attr.validators.instance_of(Status))
    spare_port: bool = attr.ib(default=False, validator=attr.validators.instance_of(bool))
    boot_timeout: float = attr.ib(default=180.0, validator=attr.validators.instance_of(float))
    modem_timeout: float = attr.ib(default=120.0, validator=attr.validators.instance_of(float))
    start_timeout: float = attr.ib(default=180.0, validator=attr.validators.instance_of(float))
    online_timeout: float = attr.ib(default=600.0, validator=attr.validators.instance_of(float))
    pause: float = attr.ib(default=1.0, validator=attr.validators.instance_of(float))

    @never_retry
    @step(args=["status"])
    def transition(self, status: Status | str, *, step: Any) -> None:
        """Go to a state over those before it. Raises StrategyError."""
        wanted = _status(status)
        if wanted is Status.unknown:
            raise StrategyError("nobody can be led to the state unknown")
        if wanted is self.status:
            step.skip("nothing to do")
            return
        if wanted is Status.off:
            self._off()
            return
        if self.status is Status.unknown or self.status.value > wanted.value:
            self._boot()
        ways = {
            Status.off: self._boot,
            Status.booted: self._ready_modem,
            Status.modem_ready: self._start_daemon,
            Status.daemon_ready: self._await_online,
        }
        while self.status is not wanted:
            ways[self.status]()

    @step(args=["status"])
    def force(self, status: Status | str) -> None:
        """Believe that the gateway is in a state, and activate the drivers that it has there."""
        wanted = _status(status)
        if wanted is Status.off:
            self.target.activate(self._supply())
        elif wanted is not Status.unknown:
            self.target.activate(self.cmd)
            self.target.activate(self.daemon)
        self.status = wanted

    def _off(self) -> None:
        supply = self._supply()
        if self.status.value >= Status.daemon_ready.value:
            self.daemon.stop()
        for driver in (self.modem, self.daemon, self.cmd):
            if driver is not None:
                self.target.deactivate(driver)
        self.target.activate(supply)
        supply.off()
        self.status = Status.off

    def _boot(self) -> None:
        """Up from `off`; in any other state a shell that answers is enough, and the agent is stopped."""
        if self.status is Status.off:
            self._supply().on()
        self.target.activate(self.cmd)
        if not self.cmd.poll_until_success("true", timeout=self.boot_timeout, sleepduration=self.pause):
            raise StrategyError(f"no shell of the gateway answers within {self.boot_timeout:g} s")
        self.target.activate(self.daemon)
        self.daemon.stop()
        if self.modem is not None:
            self.target.deactivate(self.modem)
        self.status = Status.booted

    def _ready_modem(self) -> None:
        if self.modem is not None:
            self.target.activate(self.modem)
            self.modem.await_sim(self.modem_timeout)
        self.status = Status.modem_ready

    def _start_daemon(self) -> None:
        if self.modem is not None and not self.spare_port:
            # The port itself has to be let go, not only the driver that speaks AT on it.
            self.target.deactivate(self.modem.port)
        self.daemon.start(self.start_timeout)
        self.status = Status.daemon_ready

    def _await_online(self) -> None:
        if not any(_has_bearer(self.daemon.status()) for _ in looks(self.online_timeout, self.pause)):
            raise StrategyError(f"the gateway is not online after {self.online_timeout:g} s")
        self.status = Status.online

    def _supply(self) -> Driver:
        if self.power is None:
            raise StrategyError("the gateway has no PowerProtocol driver, or several and `bindings` names none of them")
        return self.power


def _status(status: Status | str) -> Status:
    if isinstance(status, Status):
        return status
    try:
        return Status[status]
    except KeyError:
        raise StrategyError(f"expected one of {', '.join(Status.__members__)}, found {status!r}") from None


def _has_bearer(status: Mapping[str, Any]) -> bool:
    """Whether the agent says that packets get through, or at least that there is a session."""
    bearer = status.get("bearer")
    if not isinstance(bearer, Mapping):
        return False
    return bearer.get("verdict") in ("proven", "alive") or bearer.get("connected") is True
