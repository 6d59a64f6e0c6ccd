"""The main job and what has to be true after it."""

from __future__ import annotations

from typing import Any

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.history import RecordKind
from tests.e2e.virtual.device import FIRST, FOUR, ONE, SECOND, THREE, TWO, Device


def do_main_job(device: Device) -> Any:
    """Provision, queue six packages, run once; returns what the agent printed."""
    device.provision()
    device.queue(
        content.data_request(),
        content.psmo_package(content.list_profile_info()),
        content.psmo_package(content.enable(TWO, rollback=True)),
        content.psmo_package(content.delete(THREE)),
        content.psmo_package(content.disable(TWO), content.enable(ONE)),
        content.eco_package(content.add_eim(device.eim2.identity.configuration())),
    )
    device.eim2.queue(device.eid, content.psmo_package(content.list_profile_info()))
    return device.json("run", "--once")


def check_main_job(device: Device, done: Any) -> None:
    """Every result was verified, every package executed once, and the card is what the eIM made of it."""
    assert (done["outcome"], done["undelivered"]) == ("done", 0)
    assert [(package["eim_id"], package["result"]) for package in done["packages"]] == [
        (FIRST, None),
        (FIRST, "list profile info (4)"),
        (FIRST, "enable ok(0)"),
        (FIRST, "delete ok(0)"),
        (FIRST, "disable ok(0), enable ok(0)"),
        (FIRST, "add eim ok"),
        (SECOND, "list profile info (3)"),
    ]
    for eim, signed in ((device.eim, 5), (device.eim2, 1)):
        packages = eim.association(device.eid).packages
        assert {(package.state, package.outcome) for package in packages} == {(PackageState.CLOSED, Outcome.OK)}
        results = [record for record in eim.history.records if record.kind is RecordKind.RESULT]
        assert len(results) == signed
        for record in results:
            assert record.news
            assert {check.name for check in record.checks if check.passed} >= {"signature"}
            assert record.verified
        assert all(record.verified for record in eim.history.records)
    assert len(device.loaded) == len(set(device.loaded)) == 6
    assert device.states == {ONE: True, TWO: False, FOUR: False}
    assert device.card.visible_iccid == ONE
    assert device.json("notification", "list")["notifications"] == []
    assert {eim["eim_id"] for eim in device.json("eim", "list")["eims"]} == {FIRST, SECOND}
    assert device.json("run", "--once")["outcome"] == "nothingToDo"
