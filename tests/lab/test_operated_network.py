"""A test network as an ability: what its program cannot do, what stands in for it, and that all is turned back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("labgrid")

from labgrid import Target
from labgrid.driver import FileDigitalOutputDriver

from hil.lab.network_driver import IpadNetworkDriver
from hil.lab.operated_network import OperatedNetwork
from hil.suite.errors import TargetError, UnableError
from hil.suite.limits import Limits
from tests.lab.fakes import DONE, Output, Shell, active

ICCID = "89490000000000000023"


@dataclass
class Link:
    """The link to the bench's servers."""

    cuts: list[bool] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def cut(self, *, on: bool) -> None:
        self.cuts.append(on)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Agent:
    """What of a gateway is asked here."""

    def status(self) -> dict[str, Any]:
        return {"bearer": {"connected": True}}


@dataclass
class Place:
    """A network with all that is round it."""

    network: OperatedNetwork
    shell: Shell
    link: Link
    line: Path | None

    @property
    def told(self) -> list[str]:
        return [command.removeprefix("net ") for command in self.shell.ran]


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Callable[..., Place]:
    def make(answer: Callable[[str], Output] = lambda _: DONE, *, block: bool = False, **settings: Any) -> Place:
        target, line, switch = Target("main"), None, None
        if block:
            line = tmp_path / "line"
            line.write_text("0\n")
            switch = active(target, FileDigitalOutputDriver(target, "rf-block", filepath=str(line)))
        shell, link = Shell(target, "shell", answer=answer), Link()
        driver = active(target, IpadNetworkDriver(target, "network", program="net", **settings))
        return Place(OperatedNetwork(driver, Agent(), Limits(recovery=0.05), link, switch), shell, link, line)

    return make


def test_every_word_of_a_case_reaches_the_program(place: Callable[..., Place]) -> None:
    it = place()
    it.network.coverage(on=False, iccid=ICCID)
    it.network.data(on=False)
    it.network.reject(8, ICCID)
    it.network.service(ICCID, search_time=2.0)
    it.network.signal(-120)
    it.network.cut()
    it.network.play("dead-data")
    assert it.told == [
        f"coverage off {ICCID}",
        "data off",
        f"reject 8 {ICCID}",
        f"service '{{\"search_time\":2.0}}' {ICCID}",
        "signal -120 -9 14",
        "cut on",
        "play dead-data",
    ]
    assert it.link.cuts == []
    assert it.link.notes[2] == f"network reject: cause=8 iccid='{ICCID}'"


def test_reset_follows_a_case_that_changed_something(place: Callable[..., Place]) -> None:
    it = place()
    it.network.calm()
    assert it.told == []
    it.network.data(on=False)
    it.network.calm()
    it.network.calm()
    assert it.told == ["data off", "reset"]


def test_reset_follows_an_action_that_failed(place: Callable[..., Place]) -> None:
    it = place(lambda command: ([], ["half of it"], 1) if "data" in command else DONE)
    with pytest.raises(TargetError, match="network data off: exit code 1: half of it"):
        it.network.data(on=False)
    it.network.calm()
    assert it.told == ["data off", "reset"]


def test_reset_that_fails_is_tried_again(place: Callable[..., Place]) -> None:
    resets = [([], ["busy"], 1), DONE]
    it = place(lambda command: resets.pop(0) if "reset" in command else DONE)
    it.network.data(on=False)
    with pytest.raises(TargetError, match="network reset: exit code 1: busy"):
        it.network.calm()
    it.network.calm()
    it.network.calm()
    assert it.told == ["data off", "reset", "reset"]


def test_what_is_not_among_the_actions_is_no_finding(place: Callable[..., Place]) -> None:
    it = place(actions=["coverage"])
    for told in (
        lambda: it.network.reject(8),
        lambda: it.network.data(on=False),
        lambda: it.network.service(data=False),
        lambda: it.network.signal(-120),
        lambda: it.network.play("dead-data"),
    ):
        with pytest.raises(UnableError, match=r"cannot be told `(reject|data|service|signal|play)`: it is not among"):
            told()
    it.network.calm()
    assert it.told == []


def test_argument_that_makes_no_sense_is_an_error_of_the_case(place: Callable[..., Place]) -> None:
    with pytest.raises(TargetError, match="cause: expected"):
        place().network.reject(999)


def test_bench_cuts_its_own_link_for_a_program_that_cannot(place: Callable[..., Place]) -> None:
    it = place(actions=["coverage"])
    it.network.cut()
    it.network.cut(on=False)
    it.network.cut()
    it.network.calm()
    it.network.calm()
    assert (it.told, it.link.cuts) == ([], [True, False, True, False])


def test_coverage_is_the_matter_of_the_program_first(place: Callable[..., Place]) -> None:
    it = place(block=True)
    it.network.coverage(on=False)
    assert it.told == ["coverage off"]
    assert it.line is not None
    assert it.line.read_text() == "0\n"


def test_antenna_switch_stands_in_for_a_program_without_coverage(place: Callable[..., Place]) -> None:
    it = place(block=True, actions=["reject"])
    it.network.coverage(on=False)
    assert it.line is not None
    assert it.line.read_text() == "1\n"
    with pytest.raises(UnableError, match="`coverage`"):
        it.network.coverage(on=False, iccid=ICCID)
    it.network.calm()
    assert it.line.read_text() == "0\n"
    assert it.told == []


def test_bearer_is_what_the_agent_says(place: Callable[..., Place]) -> None:
    it = place()
    assert it.network.bearer()
    assert it.network.online() < 0.05
