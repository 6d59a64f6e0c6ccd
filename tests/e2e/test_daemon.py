"""`ipad run` as a process: signals, faults that pass, a clean end."""

from __future__ import annotations

import re
import signal

import pytest

from tests.e2e.processes import Agent, Rig

TWO = "89490000000000000023"

pytestmark = pytest.mark.timeout(120)


def test_daemon_serves_on_a_signal_and_leaves_the_card_to_others(rig: Rig, agent: Agent) -> None:
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    text = agent.config.read_text()
    agent.config.write_text(re.sub('socket = ".*"', 'socket = ""', text))
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


def test_commands_go_through_the_daemon_that_holds_the_port(rig: Rig, agent: Agent) -> None:
    with agent.daemon():
        agent.wait_for_log("control API at")
        assert agent.json("euicc", "info")["eid"] == rig.facts["eid"]
        assert agent.json("modem", "at", "AT+CPIN?")["lines"] == ["+CPIN: READY"]
        agent.json("eim", "add", rig.facts["initial_eim_file"])
        rig.hil("eim", "queue", "list-profiles")
        # The modem may still be attaching; and the agent may be quicker than the command, since the eIM is new.
        assert agent.run("poll", "--json", limit=90.0).code == 0
        assert rig.hil("eim", "list").split()[1] == "closed"
        status = agent.json("status")
        assert [eim["last_result"] for eim in status["eims"]] == ["ok"]
        second = agent.run("run")
        assert second.code == 75
        assert second.err.startswith("ipad: a second instance")
    assert agent.json("audit", "--full")["changes"][0]["what"].startswith("addInitialEim")


def test_daemon_reads_its_configuration_again_on_a_signal_and_on_request(rig: Rig, agent: Agent) -> None:
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    good = agent.config.read_text()
    with agent.daemon() as process:
        agent.wait_for_log("next poll at")
        agent.config.write_text(good + "[esipa]\npol_interval = 60\n")
        process.send_signal(signal.SIGHUP)
        agent.wait_for_log("the configuration of before goes on to hold: ")
        agent.wait_for_log("unknown key esipa.pol_interval")
        agent.config.write_text(
            good.replace('directory = "state"', 'directory = "other"') + "[esipa]\npoll_interval = 600\n"
        )
        told = agent.json("reload")
        assert (told["applied"], told["postponed"]) == (["esipa.poll_interval"], ["state.directory"])
        agent.wait_for_log("the device is closed and opened anew")
        rig.hil("eim", "queue", "list-profiles")
        process.send_signal(signal.SIGUSR1)
        agent.wait_for_log("done, 1 package(s)")
    assert not (agent.folder / "other").exists()


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
