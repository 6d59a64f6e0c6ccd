"""Rules for udev: which ports they name, what they tell ModemManager, and what they refuse."""

from __future__ import annotations

import fnmatch
import re

import pytest

from ipad.board import BoardLibrary
from ipad.board.udev import udev_rules
from ipad.cli.main import run
from ipad.errors import ConfigError

LIBRARY = BoardLibrary()


def rules_for(name: str, **options: str) -> list[str]:
    text = udev_rules(LIBRARY, (name,), **options)  # type: ignore[arg-type]
    return [line for line in text.splitlines() if line.startswith(("SUBSYSTEM==", "ACTION=="))]


def test_the_at_port_gets_a_name_and_the_group_of_serial_ports() -> None:
    first, second = rules_for("quectel-eg25")
    assert first == (
        'SUBSYSTEM=="tty", ATTRS{idVendor}=="2c7c", ATTRS{idProduct}=="0125", ENV{.IPAD_INTERFACE}=="02", '
        'GROUP="dialout", MODE="0660", SYMLINK+="ipad/quectel-eg25-at"'
    )
    assert '"03"' in second
    assert 'SYMLINK+="ipad/quectel-eg25-at2"' in second


def test_modemmanager_keeps_off_our_port_or_off_the_modem() -> None:
    shared = rules_for("quectel-eg25", modemmanager="share")
    assert ['ENV{ID_MM_PORT_IGNORE}="1"' in rule for rule in shared] == [True, False]
    device, *ports = rules_for("quectel-eg25", modemmanager="ignore")
    assert device == (
        'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="2c7c", ATTR{idProduct}=="0125", '
        'ENV{ID_MM_DEVICE_IGNORE}="1"'
    )
    assert 'ENV{ID_MM_PORT_IGNORE}="1"' in ports[0]


def test_a_unit_is_started_when_the_modem_appears() -> None:
    (rule,) = rules_for("fibocom-l860", start="ipad@wan.service")
    assert 'SUBSYSTEM=="wwan", KERNEL=="wwan*at0", ATTRS{vendor}=="0x8086", ATTRS{device}=="0x7560"' in rule
    assert 'TAG+="systemd", ENV{SYSTEMD_WANTS}+="ipad@wan.service"' in rule


def test_the_driver_is_told_ids_that_it_does_not_know() -> None:
    told = [rule for rule in rules_for("meig-slm770") if "new_id" in rule]
    assert len(told) == 2
    assert told[0].endswith('ATTR{[drivers/usb-serial:option1]new_id}="2dee 4d57"')


def test_a_gateway_with_one_uart_has_a_rule_for_it_and_its_channels() -> None:
    rules = rules_for("rpi-waveshare-sim7080", modemmanager="ignore")
    assert any(rule.startswith('SUBSYSTEM=="tty", KERNEL=="ttyS0"') for rule in rules)
    assert 'SUBSYSTEM=="tty", KERNEL=="gsmtty*", GROUP="dialout", MODE="0660"' in rules


def test_rules_for_all_modems_touch_no_port_of_the_host() -> None:
    text = udev_rules(LIBRARY)
    assert "ttyS" not in text
    assert "ID_MM" not in text
    assert "SYSTEMD_WANTS" not in text
    usb = {usb_id for name in LIBRARY.names() for usb_id in LIBRARY.match(name).usb}
    named = set(re.findall(r'idVendor\}=="([^"]+)", ATTRS\{idProduct\}=="([^"]+)"', text))
    ports = [LIBRARY.load(name) for name in LIBRARY.names()]
    with_port = {
        usb_id for board in ports if board.ports.at and board.ports.at.usb_if is not None for usb_id in board.match.usb
    }
    assert with_port <= usb
    assert {f"{vendor}:{product}" for vendor, product in named} >= with_port
    assert any(fnmatch.fnmatchcase("2c7c:0125", usb_id) for usb_id in with_port)


def test_every_line_is_a_rule_of_conditions_and_assignments() -> None:
    part = re.compile(r'[A-Z_]+(?:\{[^}]+\})?(?:==|!=|=|\+=)"[^"]*"')
    for line in udev_rules(LIBRARY, modemmanager="ignore", start="ipad.service").splitlines():
        if line and not line.startswith("#"):
            assert all(part.fullmatch(one) for one in line.split(", ")), line


def test_what_no_rule_can_be_made_of_is_an_error() -> None:
    with pytest.raises(ConfigError, match="board generic-3gpp: no USB or PCI id"):
        udev_rules(LIBRARY, ("generic-3gpp",))
    with pytest.raises(ConfigError, match="expected the name of a service"):
        udev_rules(LIBRARY, ("quectel-eg25",), start='x", RUN+="/bin/sh')
    with pytest.raises(ConfigError, match="there is no board definition 'nonsense'"):
        udev_rules(LIBRARY, ("nonsense",))


def test_the_command_prints_a_file_that_says_how_it_was_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "udev", "quectel-eg25", "--modemmanager", "share", "--start", "ipad.service"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "# Made by: ipad board udev quectel-eg25 --modemmanager share --start ipad.service\nACTION!="
    )
    assert said.endswith('LABEL="ipad_end"\n')
