"""The way of a gateway from dark to online, with labgrid's fakes in the place of everything."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("labgrid")

from labgrid import Target
from labgrid.binding import BindingState
from labgrid.strategy import StrategyError

from hil.lab.at_driver import IpadAtDriver
from hil.lab.daemon_driver import IpadDaemonDriver
from hil.lab.strategy import IpadGatewayStrategy, Status
from tests.lab.fakes import DONE, ModemConsole, Output, Shell, Supply


class Gateway:
    """A target with fakes; `state` is what its shell says of the agent."""

    def __init__(self, *, power: bool = True, modem: bool = True, **members: Any) -> None:
        self.target = Target("main")
        self.bearer: dict[str, Any] = {"connected": True}
        self.alive = True
        self.power = Supply(self.target, "board") if power else None
        self.shell = Shell(self.target, None, answer=self._answer)
        if modem:
            ready = {"AT+CPIN?": b"\r\n+CPIN: READY\r\n\r\nOK\r\n"}
            self.console = ModemConsole(self.target, "at", answers=ready)
            self.modem = IpadAtDriver(self.target, None, timeout=0.2, pause=0.0)
        self.daemon = IpadDaemonDriver(self.target, None, pause=0.0)
        times = {"boot_timeout": 0.05, "modem_timeout": 0.05, "start_timeout": 0.05, "online_timeout": 0.05}
        self.strategy = IpadGatewayStrategy(self.target, None, pause=0.01, **{**times, **members})

    def _answer(self, command: str) -> Output:
        if command == "true":
            return ([], [], 0 if self.alive else 255)
        if "--json" in command:
            return [json.dumps({"ok": True, "state": "idle", "eid": "8904", "bearer": self.bearer})], [], 0
        return DONE

    @property
    def services(self) -> list[str]:
        return [command.split(";")[-1].strip() for command in self.shell.ran if command.startswith("systemctl")]


def active(driver: Any) -> bool:
    return driver.state is BindingState.active


def test_online_is_reached_over_every_state_before_it() -> None:
    gateway = Gateway()
    gateway.strategy.transition("online")
    assert gateway.strategy.status is Status.online
    assert gateway.power is not None
    assert gateway.power.did == [], "a gateway that answers is not switched off"
    assert gateway.services == ["systemctl stop ipad.service", "systemctl start ipad.service"]
    assert not active(gateway.modem)
    assert not active(gateway.console), "the agent has the port now"


def test_spare_port_stays_open_beside_the_agent() -> None:
    gateway = Gateway(spare_port=True)
    gateway.strategy.transition(Status.daemon_ready)
    assert active(gateway.modem)


def test_off_ends_the_agent_first_and_takes_the_supply() -> None:
    gateway = Gateway()
    gateway.strategy.transition("daemon_ready")
    gateway.strategy.transition("off")
    assert gateway.power is not None
    assert gateway.power.did == ["off"]
    assert gateway.services[-1] == "systemctl stop ipad.service"
    assert not active(gateway.shell)
    assert gateway.strategy.status is Status.off


def test_gateway_that_was_off_is_switched_on() -> None:
    gateway = Gateway()
    gateway.strategy.transition("off")
    gateway.strategy.transition("booted")
    assert gateway.power is not None
    assert gateway.power.did == ["off", "on"]


def test_way_back_stops_the_agent() -> None:
    gateway = Gateway()
    gateway.strategy.transition("online")
    gateway.strategy.transition("modem_ready")
    assert gateway.services[-1] == "systemctl stop ipad.service"
    assert active(gateway.modem)
    assert gateway.strategy.status is Status.modem_ready


def test_same_state_does_nothing() -> None:
    gateway = Gateway()
    gateway.strategy.transition("booted")
    ran = len(gateway.shell.ran)
    gateway.strategy.transition("booted")
    assert len(gateway.shell.ran) == ran


def test_modem_that_nobody_else_reaches_is_left_to_the_agent() -> None:
    gateway = Gateway(modem=False)
    gateway.strategy.transition("online")
    assert gateway.strategy.status is Status.online


def test_gateway_without_a_switch_cannot_be_off() -> None:
    gateway = Gateway(power=False)
    gateway.strategy.transition("booted")
    with pytest.raises(StrategyError) as caught:
        gateway.strategy.transition("off")
    assert "no PowerProtocol driver" in str(caught.value.__cause__)


@pytest.mark.parametrize("status", ["unknown", "asleep"])
def test_nobody_is_led_to_a_state_that_is_none(status: str) -> None:
    with pytest.raises(StrategyError):
        Gateway().strategy.transition(status)


def test_gateway_that_does_not_boot_breaks_the_strategy() -> None:
    gateway = Gateway()
    gateway.alive = False
    with pytest.raises(StrategyError) as caught:
        gateway.strategy.transition("booted")
    assert "no shell of the gateway answers within 0.05 s" in str(caught.value.__cause__)
    gateway.alive = True
    with pytest.raises(StrategyError):
        gateway.strategy.transition("booted")


@pytest.mark.parametrize(
    ("bearer", "online"),
    [
        ({"connected": True}, True),
        ({"connected": None, "verdict": "proven"}, True),
        ({"connected": False, "verdict": "alive"}, True),
        ({"connected": False, "verdict": "dead"}, False),
        ({"connected": None}, False),
        ({}, False),
    ],
)
def test_online_is_what_the_agent_says_of_its_bearer(bearer: dict[str, Any], online: bool) -> None:
    gateway = Gateway()
    gateway.bearer = bearer
    if online:
        gateway.strategy.transition("online")
    else:
        with pytest.raises(StrategyError):
            gateway.strategy.transition("online")
    assert (gateway.strategy.status is Status.online) is online


def test_state_that_somebody_else_made_is_believed() -> None:
    gateway = Gateway()
    gateway.strategy.force("daemon_ready")
    assert gateway.strategy.status is Status.daemon_ready
    assert active(gateway.daemon)
    assert gateway.shell.ran == []
