"""`ipad run --once` is killed in the middle of a package, and the next run brings it to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hil.cli.client import ControlClient
from tests.e2e.processes import Agent, Rig

THREE = "8949000000000000034"

pytestmark = pytest.mark.timeout(60)


def kill_when(rig: Rig, agent: Agent, reached: Callable[[ControlClient], bool]) -> None:
    """Run the agent, and end it with SIGKILL as soon as the rig says that a point was reached."""
    control = ControlClient(rig.facts["control_url"])
    with (agent.folder / "killed.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ipad", "run", "--once", "-vvv", "--config", str(agent.config)],
            stdout=log,
            stderr=log,
            cwd=agent.folder,
        )
    try:
        seen = 0
        while not reached(control):
            assert process.poll() is None, (agent.folder / "killed.log").read_text(errors="replace")[-2000:]
            seen = control.get("/wait", event=seen, timeout=10)["lastEvent"]
    finally:
        process.kill()
        process.wait()


def results(rig: Rig) -> list[dict[str, Any]]:
    """The results that arrived at the eIM."""
    records = json.loads(rig.hil("eim", "results", "--json"))["results"]
    return [record for record in records if record["kind"] in ("result", "package-error")]


def profiles(control: ControlClient) -> set[str]:
    return {profile["iccid"] for profile in control.get("/card")["profiles"]}


@pytest.fixture(name="served")
def _served(rig: Rig, agent: Agent) -> Agent:
    """An agent whose eIM has a package for it."""
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    rig.hil("wait", "bearer=up")
    rig.hil("eim", "queue", "delete", THREE)
    return agent


def check_end(rig: Rig, agent: Agent) -> None:
    """The package was executed once, and the eIM has its one verified result."""
    done = agent.json("run", "--once")
    assert done["undelivered"] == 0
    found = results(rig)
    assert [record["news"] for record in found].count(True) == 1
    assert all(record["verified"] and record["kind"] == "result" for record in found)
    assert len({record["raw"] for record in found}) == 1
    (line,) = rig.hil("eim", "list").splitlines()
    assert " closed " in line
    assert " ok " in line
    assert THREE not in profiles(ControlClient(rig.facts["control_url"]))
    assert agent.json("run", "--once")["outcome"] == "nothingToDo"


def test_killed_before_the_package_reached_it(rig: Rig, served: Agent) -> None:
    rig.hil("eim", "fault", "delay", "--function", "GetEimPackage", "--seconds", "50")
    kill_when(rig, served, lambda _control: "handed-out" in rig.hil("eim", "list"))
    check_end(rig, served)


def test_killed_while_the_card_executes(rig: Rig, served: Agent) -> None:
    last_block_of_two = {"command": "+CGLA", "contains": "80E29101", "silent": True}
    ControlClient(rig.facts["control_url"]).post("/knobs/modem", {"faults": [last_block_of_two]})
    kill_when(rig, served, lambda control: THREE not in profiles(control))
    assert results(rig) == []
    check_end(rig, served)


def test_killed_while_the_result_is_on_its_way(rig: Rig, served: Agent) -> None:
    rig.hil("eim", "fault", "delay", "--function", "ProvideEimPackageResult", "--seconds", "50")
    kill_when(rig, served, lambda _control: bool(results(rig)))
    rig.hil("eim", "fault", "clear")
    check_end(rig, served)
    assert [record["news"] for record in results(rig)] == [True, False]
