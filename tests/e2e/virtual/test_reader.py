"""The same card in a PC/SC reader: no modem, the network of the host."""

from __future__ import annotations

import pytest

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.euicc import EuiccKind, PowerLossPoint
from tests.e2e.virtual.conftest import MakeDevice
from tests.e2e.virtual.device import FOUR, ONE, THREE, TWO, Device
from tests.e2e.virtual.main_job import check_main_job, do_main_job
from tests.e2e.virtual.smartcard import Scard, install

IN_READER = 'card = "pcsc:Virtual"'


@pytest.fixture(name="reader")
def _reader(make_device: MakeDevice, monkeypatch: pytest.MonkeyPatch) -> tuple[Device, Scard]:
    device = make_device(EuiccKind.IOT)
    device.configure(modem=IN_READER)
    return device, install(device.card, monkeypatch)


def test_reader_carries_the_main_job(reader: tuple[Device, Scard]) -> None:
    device, scard = reader
    check_main_job(device, do_main_job(device))
    assert not scard.connected
    assert scard.log.count("connect") == scard.log.count("disconnect")


def test_card_that_loses_its_power_in_a_package_delivers_its_result_all_the_same(reader: tuple[Device, Scard]) -> None:
    device, _ = reader
    device.provision()
    (package,) = device.queue(content.psmo_package(content.enable(TWO)))
    device.card.knobs.power_loss = PowerLossPoint.AFTER_RESULT_STORED
    while device.ipad("run", "--once").code:
        device.clock.advance(10)
        assert device.clock.monotonic() < 3600
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)
    assert device.states[TWO]
    assert len(device.loaded) == 1


def test_reader_without_a_card(reader: tuple[Device, Scard]) -> None:
    device, scard = reader
    scard.card = None
    error = device.json("run", "--once", code=1)["error"]
    assert error["class"] == "card"
    assert "Virtual PCD 00 00" in error["message"]


def test_card_that_another_program_uses(reader: tuple[Device, Scard]) -> None:
    device, scard = reader
    scard.in_use_elsewhere = True
    assert device.json("euicc", "info", code=1)["error"]["class"] == "card"


def test_machine_without_pcsc_service(reader: tuple[Device, Scard]) -> None:
    device, scard = reader
    scard.service = False
    assert "PC/SC service" in device.json("euicc", "info", code=1)["error"]["message"]


def test_modem_commands_say_that_there_is_none(reader: tuple[Device, Scard]) -> None:
    device, _ = reader
    assert "reader" in device.json("modem", "info", code=78)["error"]["message"]


@pytest.mark.parametrize("where", ["modem", "reader"])
def test_profiles_of_a_consumer_card_are_managed_by_commands(
    make_device: MakeDevice, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    device = make_device(EuiccKind.CONSUMER)
    if where == "reader":
        device.configure(modem=IN_READER)
        install(device.card, monkeypatch)
    else:
        device.insert("quectel-eg25")
    assert device.json("euicc", "info")["kind"] == "consumer"
    assert device.json("profile", "enable", TWO)["changed"] is True
    assert device.states == {ONE: False, TWO: True, THREE: False, FOUR: False}
    assert device.card.visible_iccid == TWO
    if where == "modem":
        assert device.json("modem", "info")["iccid"] == TWO
    assert device.json("profile", "enable", TWO)["changed"] is False
    assert device.json("profile", "disable", TWO)["changed"] is True
    assert not any(device.states.values())
    assert device.json("profile", "delete", THREE, "--yes")["changed"] is True
    assert THREE not in device.states
    assert device.json("profile", "nickname", FOUR, "Größe 4")["changed"] is True
    names = {item["iccid"]: item["nickname"] for item in device.json("profile", "list")["profiles"]}
    assert names[FOUR] == "Größe 4"
    events = [item["event"] for item in device.json("notification", "list")["notifications"]]
    assert events == [["disable"], ["enable"], ["disable"], ["delete"]]


@pytest.mark.parametrize("verb", ["enable", "disable", "delete", "nickname"])
def test_unknown_profile_of_a_consumer_card_is_not_found(make_device: MakeDevice, verb: str) -> None:
    device = make_device(EuiccKind.CONSUMER)
    device.insert("quectel-eg25")
    more = {"delete": ["--yes"], "nickname": ["x"]}.get(verb, [])
    assert device.json("profile", verb, "89490000000000000098", *more, code=10)["error"]["class"] == "not-found"


@pytest.mark.parametrize("command", [("run", "--once"), ("eim", "list"), ("eim", "poll")])
def test_consumer_card_has_no_eims_to_poll(make_device: MakeDevice, command: tuple[str, ...]) -> None:
    device = make_device(EuiccKind.CONSUMER)
    device.insert("quectel-eg25")
    error = device.json(*command, code=4)["error"]
    assert (error["class"], "consumer eUICC" in error["message"]) == ("refused", True)


@pytest.mark.parametrize("verb", ["enable", "disable", "delete", "nickname"])
def test_iot_card_is_left_to_its_eim(device: Device, verb: str) -> None:
    more = {"delete": ["--yes"], "nickname": ["x"]}.get(verb, [])
    before = device.states
    for iccid in (ONE, TWO):
        error = device.json("profile", verb, iccid, *more, code=4)["error"]
        assert error["class"] == "refused"
        assert "signed packages of an eIM" in error["message"]
    assert device.states == before
    assert all(profile.nickname is None for profile in device.card.profiles)
