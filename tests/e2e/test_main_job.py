"""A fresh device is provisioned and does what its eIM queues, over a virtual serial line and real TLS."""

from __future__ import annotations

import pytest

from tests.e2e.processes import Agent, Rig

ONE, TWO, THREE = "89490000000000000015", "89490000000000000023", "8949000000000000034"

pytestmark = pytest.mark.timeout(120)


def test_device_does_what_its_eim_queues_and_the_eim_verifies_every_result(rig: Rig, agent: Agent) -> None:
    added = agent.json("eim", "add", rig.facts["initial_eim_file"])
    assert [item["eim_id"] for item in added["added"]] == [rig.facts["eim_id"]]

    rig.hil("eim", "queue", "data")
    rig.hil("eim", "queue", "list-profiles")
    rig.hil("eim", "queue", "enable", TWO, "--rollback")
    rig.hil("eim", "queue", "delete", THREE)
    rig.hil("eim", "queue", "swap", TWO, ONE)
    rig.hil("eim", "queue", "add-eim", "eim2")
    done = agent.json("run", "--once")

    assert (done["outcome"], done["undelivered"]) == ("done", 0)
    assert [package["kind"] for package in done["packages"]] == ["ipaEuiccData"] + 5 * ["euiccPackage"]
    assert [package["result"] for package in done["packages"][1:]] == [
        "list profile info (4)",
        "enable ok(0)",
        "delete ok(0)",
        "disable ok(0), enable ok(0)",
        "add eim ok",
    ]
    assert {eim["eim_id"] for eim in done["eims"]} == {rig.facts["eim_id"], rig.facts["eim2_id"]}
    listed = rig.hil("eim", "list").splitlines()
    assert len(listed) == 6
    assert all(" closed " in line and " ok " in line for line in listed)

    profiles = {profile["iccid"]: profile["state"] for profile in agent.json("profile", "list")["profiles"]}
    assert (profiles[ONE], profiles[TWO]) == ("enabled", "disabled")
    assert THREE not in profiles
    assert agent.json("notification", "list")["notifications"] == []
    assert len(agent.json("eim", "list")["eims"]) == 2

    assert agent.json("run", "--once")["outcome"] == "nothingToDo"
