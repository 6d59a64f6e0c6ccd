"""Modems found on fake machines: identity, ports, stable names, several modems, what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.board import BoardLibrary
from ipad.board.detection import FoundModem, detect
from ipad.board.host import host_names
from ipad.board.location import at_ports
from ipad.board.sysfs import devices
from ipad.errors import ConfigError, PortError
from tests.ipad.fake_sysfs import FakeMachine

LIBRARY = BoardLibrary()
EG25 = ("2c7c:0125", (0, 1, 2, 3))


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def only(machine: FakeMachine) -> FoundModem:
    (modem,) = detect(LIBRARY, machine.root).modems
    return modem


def test_a_machine_without_anything_has_no_modem(machine: FakeMachine) -> None:
    found = detect(LIBRARY, machine.root)
    assert (found.modems, found.unknown, found.gateways, found.host, found.broken) == ((), (), (), (), ())


def test_a_usb_modem_is_found_by_its_id_and_its_port_by_interface_number(machine: FakeMachine) -> None:
    machine.usb("1-1.4", *EG25, networks={4: "wwan0"}, by_id="Quectel_EG25-G")
    modem = only(machine)
    assert modem.board.name == "quectel-eg25"
    assert modem.at_ports == (
        "/dev/serial/by-id/usb-Quectel_EG25-G-if02-port0",
        "/dev/serial/by-id/usb-Quectel_EG25-G-if03-port0",
    )
    assert modem.ppp_port == "/dev/serial/by-id/usb-Quectel_EG25-G-if03-port0"
    assert modem.networks == ("wwan0",)
    assert modem.hints == ()
    assert [(candidate.name, candidate.reasons) for candidate in modem.candidates] == [
        ("quectel-eg25", ("usb 2c7c:0125",))
    ]
    assert modem.label.startswith("quectel-eg25 at usb 1-1.4 (2c7c:0125): /dev/serial/by-id/")


def test_without_udev_the_plain_name_is_given(machine: FakeMachine) -> None:
    names = machine.usb("1-1", "1e2d:0069", (0, 2, 4, 6), acm=True)
    for link in (machine.root / "dev/serial/by-path").iterdir():
        link.unlink()
    assert only(machine).at_ports == (f"/dev/{names[0]}", f"/dev/{names[2]}")


def test_two_modems_of_one_kind_are_told_apart_by_their_place(machine: FakeMachine) -> None:
    machine.usb("1-1", *EG25, by_id="Quectel_EG25-G")
    machine.usb("1-2", *EG25, by_id="Quectel_EG25-G")
    first, second = detect(LIBRARY, machine.root).modems
    assert first.at_ports[0] == "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1-1:1.2-port0"
    assert second.at_ports[0] == "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1-2:1.2-port0"
    with pytest.raises(ConfigError, match=r"board quectel-eg25: 2 modems match: usb 1-1 .*; usb 1-2 ") as caught:
        at_ports(LIBRARY.load("quectel-eg25"), LIBRARY, machine.root)
    assert "modem.port" in (caught.value.hint or "")


def test_a_pcie_modem_is_found_by_its_wwan_ports(machine: FakeMachine) -> None:
    machine.pci("0000:01:00.0", "17cb:0306", ("wwan0at0", "wwan0at1", "wwan0qmi0"))
    modem = only(machine)
    assert modem.board.name == "quectel-rm520n-pcie"
    assert modem.at_ports == ("/dev/wwan0at0", "/dev/wwan0at1")
    assert at_ports(modem.board, LIBRARY, machine.root) == modem.at_ports


def test_the_composition_decides_about_the_interface(machine: FakeMachine) -> None:
    names = machine.usb("1-1", "1bc7:1204", (0, 4, 5, 6), by_id="Telit_LE910")
    modem = only(machine)
    assert modem.board.name == "telit-le910c4-mbim"
    assert modem.at_ports[0].endswith("if05-port0")
    assert names[5]


def test_a_modem_without_driver_gets_a_hint_what_to_load(machine: FakeMachine) -> None:
    machine.usb("1-1", "2dee:4d57")
    modem = only(machine)
    assert (modem.board.name, modem.at_ports) == ("meig-slm770", ())
    assert "option" in modem.hints[0]
    assert "echo 2dee 4d57 > /sys/bus/usb-serial/drivers/option1/new_id" in modem.hints[1]
    with pytest.raises(PortError, match=r"usb 1-1 \(2dee:4d57\) has no AT port") as caught:
        at_ports(modem.board, LIBRARY, machine.root)
    assert "is the driver loaded" in (caught.value.hint or "")


def test_another_composition_is_noticed(machine: FakeMachine) -> None:
    machine.usb("1-1", "2c7c:0125", (0, 1))
    assert "not among its serial ports ttyUSB0, ttyUSB1" in only(machine).hints[0]
    machine.usb("1-2", *EG25)
    hints = detect(LIBRARY, machine.root).modems[1].hints
    assert hints == ("interface 4 is no qmi network: another composition, or no driver",)


def test_other_serial_devices_are_shown_and_hubs_are_not(machine: FakeMachine) -> None:
    machine.usb("1-1", "0403:6001", (0,))
    machine.usb("1-2", "1d6b:0002", ())
    machine.write("sys/bus/usb/devices/1-2/bDeviceClass", "09\n")
    machine.usb("1-3", "046d:c31c", ())
    found = detect(LIBRARY, machine.root)
    assert [device.id for device in found.unknown] == ["0403:6001"]
    assert [device.id for device in devices(machine.root)] == ["0403:6001", "046d:c31c"]


def test_a_modem_in_emergency_download_mode_is_reported(machine: FakeMachine) -> None:
    machine.usb("1-1", "05c6:9008", (0,))
    found = detect(LIBRARY, machine.root)
    assert [device.path for device in found.broken] == ["1-1"]
    assert not found.modems


def test_names_of_the_host_come_from_device_tree_board_json_and_dmi(machine: FakeMachine) -> None:
    machine.write("proc/device-tree/compatible", "zyxel,nr7101\0mediatek,mt7621\0")
    machine.write("etc/board.json", '{"model": {"id": "zyxel,nr7101", "name": "NR7101"}}')
    machine.write("sys/class/dmi/id/product_name", "Box 2000\n")
    assert host_names(machine.root) == ("zyxel,nr7101", "mediatek,mt7621", "Box 2000")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"model": 1}', '{"model": {"id": 2}}'])
def test_a_broken_board_json_is_no_name(machine: FakeMachine, text: str) -> None:
    machine.write("etc/board.json", text)
    assert host_names(machine.root) == ()


def test_a_gateway_is_found_by_the_host_and_its_modem_by_the_bus(machine: FakeMachine) -> None:
    machine.write("proc/device-tree/compatible", "zyxel,nr7101\0")
    machine.usb("1-1", "2c7c:0800", (0, 1, 2, 3))
    found = detect(LIBRARY, machine.root)
    assert [gateway.name for gateway in found.gateways] == ["zyxel-nr7101"]
    board = found.modems[0].board
    assert (board.name, board.module, board.apdu.max_data) == ("zyxel-nr7101", "quectel-rg500q", 255)
    assert board.reset.gpio is not None


def test_a_modem_that_is_plugged_into_a_gateway_keeps_its_own_definition(machine: FakeMachine) -> None:
    machine.write("proc/device-tree/compatible", "pine64,pinephone-1.2\0pine64,pinephone\0")
    machine.usb("1-1", "1199:9091", (0, 2, 3))
    assert only(machine).board.name == "sierra-em7565"


def test_a_gateway_with_any_modem_takes_the_one_that_is_there(machine: FakeMachine) -> None:
    machine.write("proc/device-tree/compatible", "zyxel,lte5398-m904\0")
    machine.usb("1-1", "2c7c:0306", (0, 1, 2, 3))
    board = only(machine).board
    assert (board.name, board.module) == ("zyxel-lte5398", "quectel-eg06")
    assert at_ports(board, LIBRARY, machine.root)[0].endswith("1-1:1.2-port0")


def test_ports_of_a_named_board(machine: FakeMachine) -> None:
    assert at_ports(LIBRARY.load("comma-3x"), LIBRARY, machine.root) == ("/dev/modem_at0",)
    with pytest.raises(PortError, match="there is no /dev/gsmtty1: the multiplexer n_gsm is not attached"):
        at_ports(LIBRARY.load("rpi-waveshare-sim7080"), LIBRARY, machine.root)
    machine.write("dev/gsmtty1", "")
    assert at_ports(LIBRARY.load("rpi-waveshare-sim7080"), LIBRARY, machine.root) == ("/dev/gsmtty1",)
    with pytest.raises(ConfigError, match="the definition names no AT port"):
        at_ports(LIBRARY.load("ublox-sara-r5"), LIBRARY, machine.root)
    with pytest.raises(PortError, match="no modem with id 2c7c:0125 is connected"):
        at_ports(LIBRARY.load("quectel-eg25"), LIBRARY, machine.root)


def test_a_port_by_its_link(machine: FakeMachine) -> None:
    board = LIBRARY.load("nordic-nrf9161-dk")
    with pytest.raises(PortError, match=r"no link in /dev/serial/by-id fits 'usb-SEGGER_J-Link_\*-if00'"):
        at_ports(board, LIBRARY, machine.root)
    machine.link("by-id", "usb-SEGGER_J-Link_1-if00", "ttyACM0")
    assert at_ports(board, LIBRARY, machine.root) == ("/dev/serial/by-id/usb-SEGGER_J-Link_1-if00",)
    machine.link("by-id", "usb-SEGGER_J-Link_2-if00", "ttyACM1")
    with pytest.raises(ConfigError, match="2 modems match: /dev/serial/by-id/usb-SEGGER_J-Link_1-if00; "):
        at_ports(board, LIBRARY, machine.root)
