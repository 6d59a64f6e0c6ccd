"""What goes wrong outside ends in one clear message and an exit code; nothing is lost or half done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ipad.ids import Eid
from ipad.state.journal import Journal
from ipad.state.store import StateStore
from tests.e2e.processes import Agent, Rig, agent_for, running_rig

DEVICE_CHANGE = 6

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module", name="provisioned")
def _provisioned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("bench")
    with running_rig(folder) as rig:
        agent_for(rig, folder / "first").json("eim", "add", rig.facts["initial_eim_file"])
        yield rig


@pytest.fixture(name="device")
def _device(provisioned: Rig, tmp_path: Path) -> Iterator[Agent]:
    extra = "[esipa]\nexchange_timeout = 3\nretry_delays = []\n"
    yield agent_for(provisioned, tmp_path / "device", extra)
    provisioned.hil("relay", "follow")
    provisioned.hil("eim", "fault", "clear")
    provisioned.hil("eim", "tls", "good")
    # What a test left in the queue is served before the next one.
    assert agent_for(provisioned, tmp_path / "after").run("run", "--once").code == 0


def poll(device: Agent, code: int) -> str:
    """The error of the only eIM; text mode must say it in one line."""
    answer = device.json("run", "--once", code=code)
    assert answer["ok"] is False
    (eim,) = answer["eims"]
    return f"{eim['error']['class']}: {eim['error']['message']}"


def test_eim_that_is_unreachable(provisioned: Rig, device: Agent) -> None:
    provisioned.hil("relay", "shut")
    assert poll(device, 75).startswith("network")
    done = device.run("run", "--once", "-q")
    assert (done.code, done.err.count("\n")) == (75, 1), done.err
    assert done.err.startswith("ipad: nothing was queued; eIM eim.example.com: ")


@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        (("status", "--value", "500"), 75, "http-status"),
        (("status", "--value", "404"), 6, "http-status"),
        (("truncated",), 75, "network"),
        (("oversized",), 75, ""),
        (("wrong-tag",), 75, "exchange"),
        (("trailing-bytes",), 75, "exchange"),
        (("empty",), 75, "exchange"),
        (("html",), 75, "exchange"),
        (("redirect",), 6, "http-status"),
    ],
)
def test_answer_that_is_none(fault: tuple[str, ...], code: int, kind: str, provisioned: Rig, device: Agent) -> None:
    provisioned.hil("eim", "queue", "list-profiles")
    provisioned.hil("eim", "fault", *fault, "--function", "GetEimPackage", "--times", "0")
    assert poll(device, code).startswith(kind)
    provisioned.hil("eim", "fault", "clear")
    assert device.json("run", "--once")["outcome"] == "done"


def test_eim_with_another_key(provisioned: Rig, device: Agent) -> None:
    provisioned.hil("eim", "tls", "other-key")
    assert poll(device, 6).startswith("tls-trust: ")


def test_state_file_that_is_damaged(device: Agent) -> None:
    assert device.run("run", "--once").code == 0
    state = device.folder / "state" / "journal.cbor"
    state.write_bytes(b"\xff" + state.read_bytes()[1:])
    done = device.run("run", "--once")
    assert done.code == 0
    assert "damaged" in done.err
    assert (device.folder / "state" / "journal.cbor.corrupt-1").exists()


def test_state_of_another_card_is_dropped_and_the_eim_is_told(provisioned: Rig, device: Agent) -> None:
    other = Eid.parse("89049032" + 24 * "0")
    journal = Journal.open(StateStore(device.folder / "state" / "journal.cbor"), other)
    asyncio.run(journal.commit(replace(journal.content, time_floor=1)))
    before = json.loads(provisioned.hil("eim", "results", "--json"))["results"]
    done = device.run("run", "--once")
    assert done.code == 0
    assert "the journal belongs to eUICC 89049032…0000" in done.err
    records = json.loads(provisioned.hil("eim", "results", "--json"))["results"][len(before) :]
    assert records[0]["details"]["cause"] == DEVICE_CHANGE


def test_state_folder_that_cannot_be_written(device: Agent) -> None:
    (device.folder / "state").write_text("a file where a folder belongs")
    answer = device.json("run", "--once", code=1)
    assert answer["error"]["class"] == "state"


def test_package_that_the_card_refuses_is_a_delivered_result(provisioned: Rig, device: Agent) -> None:
    provisioned.hil("eim", "queue", "list-profiles", "--bad-signature")
    provisioned.hil("eim", "queue", "list-profiles", "--counter", "0")
    provisioned.hil("eim", "queue", "raw", "BF6F00")
    done = device.json("run", "--once")
    assert [package["result"] for package in done["packages"]] == [
        "refused: signature or eIM not accepted",
        "replayError(4)",
        "unknownPackage(2)",
    ]
