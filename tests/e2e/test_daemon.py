"""`ipad run` as a process: signals, faults that pass, a clean end."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.processes import Agent, Rig

TWO = "89490000000000000023"

pytestmark = pytest.mark.timeout(120)


def test_daemon_serves_on_a_signal_and_leaves_the_card_to_others(rig: Rig, agent: Agent) -> None:
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    with agent.daemon() as process:
        agent.wait_for_log("next poll at")
        busy = agent.run("euicc", "info")
        assert busy.code == 6
        assert "in use by another program" in busy.err
        rig.hil("eim", "queue", "list-profiles")
        process.send_signal(signal.SIGUSR1)
        agent.wait_for_log("done, 1 package(s)")
    assert rig.hil("eim", "list").split()[1] == "closed"
    assert agent.json("euicc", "info")["eid"] == rig.facts["eid"]


def test_daemon_outlives_an_eim_that_is_cut_off(rig: Rig, agent: Agent) -> None:
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    rig.hil("relay", "shut")
    rig.hil("eim", "queue", "list-profiles")
    with agent.daemon() as process:
        agent.wait_for_log("retryLater, 0 package(s)")
        rig.hil("relay", "follow")
        process.send_signal(signal.SIGUSR1)
        agent.wait_for_log("done, 1 package(s)")


def test_daemon_waits_for_a_modem_that_is_not_there(rig: Rig, agent: Agent) -> None:
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    hidden = agent.folder / "tty"
    text = agent.config.read_text().replace(rig.tty, str(hidden))
    agent.config.write_text(text + "[timers]\nreconnect = 0.2\n")
    with agent.daemon():
        agent.wait_for_log("there is no such port")
        hidden.symlink_to(rig.tty)
        agent.wait_for_log("next poll at")


def test_stop_in_the_middle_of_a_package_loses_nothing(rig: Rig, agent: Agent) -> None:
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    rig.hil("eim", "queue", "enable", TWO, "--rollback")
    with agent.daemon():
        agent.wait_for_log("waiting for ICCID")
    done = agent.json("run", "--once")
    assert done["undelivered"] == 0
    assert [package["result"] for package in done["packages"]] == ["enable ok(0)"]
    assert rig.hil("eim", "list").split()[1] == "closed"
