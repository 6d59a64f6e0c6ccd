"""Configuration and state files that are wrong."""

from __future__ import annotations

import shutil
from dataclasses import replace

import cbor2
import pytest

from hil.eim import content
from hil.eim.association import PackageState
from hil.eim.history import RecordKind
from ipad.ids import Eid
from ipad.state.journal import Journal, JournalContent, UndeliveredResult
from ipad.state.store import StateStore
from tests.e2e.virtual.device import Device

DEVICE_CHANGE, UNDEFINED = 6, 127

MISTAKES = {
    "unknown key": ("[esipa]\npoll_intervall = 60\n", "esipa.poll_intervall"),
    "unknown table": ("[espia]\n", "espia"),
    "wrong type": ('[esipa]\npoll_interval = "often"\n', "esipa.poll_interval"),
    "out of range": ("[esipa]\npackages_per_run = 0\n", "esipa.packages_per_run"),
    "no TOML": ("[esipa\n", ""),
    "address": ('[net.addresses]\n"https://eim.example.com" = "nowhere"\n', "net.addresses"),
}


@pytest.mark.parametrize("command", [("run", "--once"), ("run",), ("euicc", "info"), ("config", "check")])
@pytest.mark.parametrize(("mistake", "place"), MISTAKES.values(), ids=MISTAKES)
def test_configuration_with_a_typo(device: Device, command: tuple[str, ...], mistake: str, place: str) -> None:
    device.configure(mistake)
    lines = device.config.read_text().splitlines()
    done = device.ipad(*command)
    assert done.code == 78
    (error,) = done.errors
    assert error.startswith(f"ipad: {device.config}:")
    assert place in error
    number = int(error.split(":")[2])
    assert 0 < number <= len(lines)
    assert device.port.in_use is False


@pytest.mark.parametrize("command", [("run", "--once"), ("run",), ("euicc", "info")])
@pytest.mark.parametrize("modem", ['port = "virtual"\nboard = "quectel-eg52"', ""], ids=["board", "no modem"])
def test_configuration_that_leads_nowhere(device: Device, command: tuple[str, ...], modem: str) -> None:
    device.configure(modem=modem)
    done = device.ipad(*command, "-q")
    assert done.code == 78
    assert len(done.errors) == 1
    assert "quectel-eg52" in done.errors[0] or "no modem is configured" in done.errors[0]


def test_configuration_file_that_is_not_there(device: Device) -> None:
    device.config.unlink()
    done = device.ipad("run", "--once")
    assert done.code == 78
    assert done.errors == [f"ipad: {device.config}: no such file"] or str(device.config) in done.errors[0]


DAMAGES = {
    "a flipped bit": lambda data: bytes([data[0], data[1] ^ 1]) + data[2:],
    "half of it": lambda data: data[: len(data) // 2],
    "nothing": lambda _data: b"",
    "zeros": lambda data: bytes(len(data)),
    "other CBOR": lambda _data: cbor2.dumps({"schema": 1}),
    "no CBOR": lambda _data: b"\xff" * 100,
    "too much": lambda data: data + bytes(2 << 20),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_state_file_that_is_damaged_is_set_aside(device: Device, damage: object) -> None:
    assert callable(damage)
    assert device.ipad("run", "--once").code == 0
    damaged = damage(device.journal.read_bytes())
    device.journal.write_bytes(damaged)
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    before = len(device.eim.history.records)
    done = device.ipad("run", "--once")
    assert done.code == 0
    (error,) = [line for line in done.errors if " ERROR " in line]
    assert "is damaged" in error
    assert device.journal.with_name("journal.cbor.corrupt-1").read_bytes() == damaged
    assert package.state is PackageState.CLOSED
    assert told(device, before) == UNDEFINED


def told(device: Device, before: int) -> object:
    """The cause of the first state change that the eIM was told of."""
    polls = [record for record in device.eim.history.records[before:] if record.kind is RecordKind.POLL]
    return polls[0].details["cause"]


def test_state_of_another_card_is_dropped_and_the_eim_is_told(device: Device) -> None:
    journal = Journal.open(StateStore(device.journal), Eid.parse("89049032" + 24 * "0"))
    (eim,) = device.json("eim", "list")["eims"]
    owed = UndeliveredResult(
        eim_id=eim["eim_id"], eim_configuration=device.eim.identity.configuration(), result=b"\xbf\x50\x00"
    )
    device.run(journal.commit(replace(journal.content, undelivered=(owed,))))
    before = len(device.eim.history.records)
    done = device.ipad("run", "--once")
    assert done.code == 0
    assert "the journal belongs to eUICC 89049032…0000" in done.err
    assert told(device, before) == DEVICE_CHANGE
    assert content_of(device).undelivered == ()


def content_of(device: Device) -> JournalContent:
    return Journal.open(StateStore(device.journal), Eid(device.eid)).content


def test_state_of_a_newer_version_stops_before_anything_is_done(device: Device) -> None:
    device.journal.parent.mkdir(exist_ok=True)
    newer = cbor2.dumps({"schema": 2, "anything": 1})
    device.journal.write_bytes(newer)
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    error = device.json("run", "--once", code=1)["error"]
    assert error["class"] == "state"
    assert "schema 2" in error["message"]
    assert device.journal.read_bytes() == newer
    assert (package.state, device.loaded) == (PackageState.QUEUED, [])


def test_state_folder_that_cannot_be_made_stops_before_anything_is_done(device: Device) -> None:
    shutil.rmtree(device.journal.parent)
    device.journal.parent.write_text("a file where a folder belongs")
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    error = device.json("run", "--once", code=1)["error"]
    assert error["class"] == "state"
    assert str(device.journal) in error["message"]
    assert (package.state, device.loaded) == (PackageState.QUEUED, [])


def test_file_with_an_initial_eim_that_is_none(device: Device) -> None:
    for name, data in (("empty", b""), ("text", b"eim.example.com\n"), ("other", bytes.fromhex("BF5100"))):
        path = device.folder / name
        path.write_bytes(data)
        done = device.ipad("eim", "add", str(path))
        assert done.code == 2
        (error,) = done.errors
        assert error.startswith(f"ipad: {path}: no AddInitialEimRequest in DER")
    assert device.ipad("eim", "add", str(device.folder / "missing")).code == 2
    assert len(device.json("eim", "list")["eims"]) == 1
