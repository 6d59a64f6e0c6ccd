"""Supply, reset line and antenna by labgrid's drivers, and the modem behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("labgrid")

from labgrid import Target
from labgrid.driver.filedigitaloutput import FileDigitalOutputDriver
from labgrid.driver.resetdriver import DigitalOutputResetDriver
from labgrid.protocol import DigitalOutputProtocol, PowerProtocol, ResetProtocol

from hil.lab.gateway import BoardModem
from hil.lab.surroundings import BoardNetwork, BoardPower, named_driver
from hil.suite.abilities import Answer
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from tests.lab.fakes import Supply, active

QUICK = Limits(recovery=0.05)


@dataclass
class Agent:
    """What of a gateway is asked here."""

    codes: list[int] = field(default_factory=list)
    bearer: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def ipad(self, *words: str, within: float | None = None, code: int | None = 0) -> Answer:
        self.asked.append(words)
        return Answer(self.codes.pop(0) if self.codes else 0, {"lines": ["+CSQ: 20,99"]})

    def status(self) -> dict[str, Any]:
        return {"bearer": self.bearer}


@pytest.fixture
def line(tmp_path: Path) -> Path:
    path = tmp_path / "line"
    path.write_text("0\n")
    return path


def test_supply_of_the_modem_is_switched_and_waited_for() -> None:
    target, agent = Target("main"), Agent([6, 0])
    driver = active(target, Supply(target, "modem-power"))
    power = BoardPower(driver, agent, Limits(recovery=5.0))
    power.cycle()
    assert driver.did == ["off", "on"]
    assert agent.asked == [("modem", "info")] * 2


def test_modem_that_does_not_come_back_is_told() -> None:
    target = Target("main")
    power = BoardPower(active(target, Supply(target, "modem-power")), Agent([6] * 1000), QUICK)
    with pytest.raises(TargetError, match=r"did not come back within 0\.05 s"):
        power.on()


def test_supply_that_a_case_left_off_comes_back() -> None:
    target = Target("main")
    driver = active(target, Supply(target, "modem-power"))
    power = BoardPower(driver, Agent(), QUICK)
    power.calm()
    assert driver.did == []
    power.off()
    power.calm()
    power.calm()
    assert driver.did == ["off", "on"]


def test_antenna_is_taken_away_and_given_back(line: Path) -> None:
    target = Target("main")
    driver = active(target, FileDigitalOutputDriver(target, "rf-block", filepath=str(line)))
    network = BoardNetwork(driver, Agent(), QUICK)
    network.coverage(on=False)
    assert line.read_text() == "1\n"
    network.coverage(on=True)
    assert line.read_text() == "0\n"
    network.coverage(on=False)
    network.calm()
    assert line.read_text() == "0\n"


def test_real_network_is_told_nothing_else(line: Path) -> None:
    target = Target("main")
    network = BoardNetwork(FileDigitalOutputDriver(target, "rf-block", filepath=str(line)), Agent(), QUICK)
    with pytest.raises(TargetError, match="coverage of one profile"):
        network.coverage(on=False, iccid="8949")
    with pytest.raises(AttributeError, match="reject: real networks cannot be told so"):
        network.reject(15)


def test_bearer_is_waited_for(line: Path) -> None:
    target, agent = Target("main"), Agent(bearer={"connected": True})
    network = BoardNetwork(FileDigitalOutputDriver(target, "rf-block", filepath=str(line)), agent, QUICK)
    assert network.bearer()
    assert network.online() < 0.05
    agent.bearer = {"connected": False, "verdict": "dead"}
    assert network.online(up=False) < 0.05
    with pytest.raises(AssertionError, match="the bearer was not up"):
        network.online(within=0.01)


def test_modem_is_reset_by_its_line(line: Path) -> None:
    target, agent = Target("main"), Agent([6, 0])
    FileDigitalOutputDriver(target, "reset-line", filepath=str(line))
    reset = active(target, DigitalOutputResetDriver(target, "modem-reset", delay=0.0))
    BoardModem(agent, Limits(recovery=5.0), line=reset).reset()
    assert line.read_text() == "0\n"
    assert agent.asked == [("modem", "info")] * 2


def test_modem_without_a_line_is_told_to_restart() -> None:
    agent = Agent()
    BoardModem(agent, QUICK).reset()
    assert agent.asked == [("modem", "at", "AT+CFUN=1,1"), ("modem", "info")]


def test_modem_is_asked_through_the_agent_unless_there_is_a_port() -> None:
    agent = Agent()
    assert BoardModem(agent, QUICK).at("AT+CSQ") == ["+CSQ: 20,99"]
    assert agent.asked == [("modem", "at", "AT+CSQ")]


def test_drivers_are_found_by_protocol_and_name() -> None:
    target = Target("main")
    Supply(target, "board")
    modem = Supply(target, "modem-power")
    assert named_driver(target, PowerProtocol, "modem-power") is modem
    assert named_driver(target, PowerProtocol, "lamp") is None
    assert named_driver(target, DigitalOutputProtocol, "modem-power") is None
    assert named_driver(target, ResetProtocol, "modem-reset") is None
