"""What each action does to lines, USB and clock, and on which files it acts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from ipad.errors import HelperError
from ipad.helper.actions import Privileged, TooSoonError
from ipad.helper.grounds import Grounds
from ipad.helper.protocol import AttachMultiplexer, PowerCycle, PulseReset, SetClock
from ipad.helper.wall_clock import WallClock
from ipad.net.known_time import RELEASED
from tests.ipad.fake_sysfs import FakeMachine
from tests.ipad.helper.kernel import FakeKernel
from tests.ipad.modem.peer import FastClock

BOARDS = {
    "lined": '[reset]\npower = { chip = "gpiochip0", line = "power", off = 7.0 }\n'
    'gpio = { chip = "gpiochip0", line = "reset", active_low = true, pulse = 0.3 }',
    "keyed": '[reset]\nkey = { chip = "gpiochip0", line = "key", off = 2.0, pause = 9.0, on = 0.5 }',
    "plugged": '[match]\nusb = ["2c7c:0125"]\n[reset]\nusb = "authorized"',
    "hubbed": '[match]\nusb = ["2c7c:0125"]\n[reset]\nusb = "port"',
    "bare": "",
}


class Device:
    """A machine with these boards, one of which is configured."""

    def __init__(self, folder: Path, board: str, more: str = "") -> None:
        self.machine = FakeMachine(folder)
        self.kernel = FakeKernel(folder, {"gpiochip0": ["power", "reset", "key"]})
        self.clock = Timed(self.kernel)
        self.boards = folder / "boards"
        self.boards.mkdir()
        for name, text in BOARDS.items():
            (self.boards / f"{name}.toml").write_text(f'name = "{name}"\nextends = "generic-3gpp"\n{text}\n')
        self.configuration = folder / "ipad.toml"
        self.configuration.write_text(f'[modem]\nboard = "{board}"\n{more}\n')
        self.set_to: list[float] = []
        self.now = 0.0
        self.actions = Privileged(
            Grounds(self.configuration, self.boards, frozenset({os.getuid()})),
            self.clock,
            wall_clock=WallClock(lambda: self.now, self.set_to.append),
            root=folder,
            control=self.kernel.ioctl,
        )


class Timed(FastClock):
    """Notes when the lines had which level."""

    def __init__(self, kernel: FakeKernel) -> None:
        super().__init__()
        self.kernel = kernel
        self.steps: list[tuple[tuple[str, int, int], float]] = []

    async def sleep(self, seconds: float) -> None:
        if self.kernel.levels:
            self.steps.append((self.kernel.levels[-1], seconds))
        await super().sleep(seconds)


@pytest.mark.asyncio
async def test_power_goes_off_and_on_and_the_line_is_kept(tmp_path: Path) -> None:
    device = Device(tmp_path, "lined")
    assert await device.actions.perform(PowerCycle("lined"), for_root=False) == 0
    assert device.kernel.levels == [("gpiochip0", 0, 0), ("gpiochip0", 0, 1)]
    assert device.clock.steps == [(("gpiochip0", 0, 0), 7.0)]
    assert device.actions.holding
    device.actions.close()
    assert not device.kernel.still_held


@pytest.mark.asyncio
async def test_the_reset_line_is_pulsed_and_let_go(tmp_path: Path) -> None:
    device = Device(tmp_path, "lined")
    await device.actions.perform(PulseReset("lined"), for_root=False)
    assert device.kernel.levels == [("gpiochip0", 1, 0), ("gpiochip0", 1, 1)]
    assert not device.kernel.still_held
    assert device.actions.holding, "until it may be reset again"
    device.clock.now += 300
    assert not device.actions.holding


@pytest.mark.asyncio
async def test_a_power_key_is_pressed_long_and_then_short(tmp_path: Path) -> None:
    device = Device(tmp_path, "keyed")
    await device.actions.perform(PowerCycle("keyed"), for_root=False)
    assert device.clock.steps == [
        (("gpiochip0", 2, 1), 2.0),
        (("gpiochip0", 2, 0), 9.0),
        (("gpiochip0", 2, 1), 0.5),
        (("gpiochip0", 2, 0), 0.0),
    ]
    assert not device.kernel.still_held


@pytest.mark.asyncio
async def test_whoever_is_broken_off_switches_on_again(tmp_path: Path) -> None:
    device = Device(tmp_path, "lined")
    never, off = asyncio.Event(), asyncio.Event()

    async def wait(_seconds: float) -> None:
        off.set()
        await never.wait()

    device.clock.sleep = wait  # type: ignore[method-assign]
    task = asyncio.ensure_future(device.actions.perform(PowerCycle("lined"), for_root=False))
    await off.wait()
    assert device.kernel.levels == [("gpiochip0", 0, 0)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert device.kernel.levels[-1] == ("gpiochip0", 0, 1)
    device.actions.close()


@pytest.mark.asyncio
async def test_the_usb_device_is_taken_from_its_drivers_and_given_back(tmp_path: Path) -> None:
    device = Device(tmp_path, "plugged")
    device.machine.usb("1-1.4", "2c7c:0125", [2])
    file = tmp_path / "sys/bus/usb/devices/1-1.4/authorized"
    seen: list[str] = []
    sleep = device.clock.sleep

    async def look(seconds: float) -> None:
        seen.append(file.read_text())
        await sleep(seconds)

    device.clock.sleep = look  # type: ignore[method-assign]
    await device.actions.perform(PowerCycle("plugged"), for_root=False)
    assert (seen, file.read_text()) == (["0"], "1")


@pytest.mark.asyncio
async def test_the_port_of_the_hub_goes_without_power_even_though_the_device_vanishes(tmp_path: Path) -> None:
    device = Device(tmp_path, "hubbed")
    device.machine.usb("1-1.4", "2c7c:0125", [2])
    port = tmp_path / "sys/bus/usb/devices/1-1/1-1:1.0/1-1-port4"
    port.mkdir(parents=True)
    (port / "disable").write_text("0")
    link = tmp_path / "sys/bus/usb/devices/1-1.4/port"
    link.symlink_to(port)
    seen: list[str] = []

    async def vanish(_seconds: float) -> None:
        seen.append((port / "disable").read_text())
        link.unlink()

    device.clock.sleep = vanish  # type: ignore[method-assign]
    await device.actions.perform(PowerCycle("hubbed"), for_root=False)
    assert (seen, (port / "disable").read_text()) == (["1"], "0")


@pytest.mark.asyncio
async def test_two_modems_of_a_kind_are_told_apart_by_the_configured_port(tmp_path: Path) -> None:
    device = Device(tmp_path, "plugged")
    device.machine.usb("1-1", "2c7c:0125", [2])
    names = device.machine.usb("1-2", "2c7c:0125", [2])
    with pytest.raises(HelperError, match="2 modems fit"):
        await device.actions.perform(PowerCycle("plugged"), for_root=False)
    device.configuration.write_text(f'[modem]\nboard = "plugged"\nport = "/dev/{names[2]}"\n')
    await device.actions.perform(PowerCycle("plugged"), for_root=False)
    assert (tmp_path / "sys/bus/usb/devices/1-2/authorized").read_text() == "1"
    assert not (tmp_path / "sys/bus/usb/devices/1-1/authorized").exists()


@pytest.mark.asyncio
async def test_only_a_board_of_the_configuration_can_be_named_but_by_root(tmp_path: Path) -> None:
    device = Device(tmp_path, "bare")
    with pytest.raises(HelperError, match="names no board 'lined' for a modem") as caught:
        await device.actions.perform(PowerCycle("lined"), for_root=False)
    assert not caught.value.transient
    assert not device.kernel.levels
    await device.actions.perform(PulseReset("lined"), for_root=True)
    assert device.kernel.levels


@pytest.mark.asyncio
@pytest.mark.parametrize("file", ["configuration", "board"])
async def test_files_that_others_can_change_count_for_nothing(tmp_path: Path, file: str) -> None:
    device = Device(tmp_path, "lined")
    path = device.configuration if file == "configuration" else device.boards / "lined.toml"
    path.chmod(0o666)
    with pytest.raises(HelperError, match="can be changed by others than root"):
        await device.actions.perform(PowerCycle("lined"), for_root=False)
    assert not device.kernel.levels


@pytest.mark.asyncio
async def test_hardware_is_not_reset_more_often_than_its_definition_says(tmp_path: Path) -> None:
    device = Device(tmp_path, "lined")
    await device.actions.perform(PulseReset("lined"), for_root=False)
    with pytest.raises(TooSoonError, match="not again for 300 s"):
        await device.actions.perform(PowerCycle("lined"), for_root=False)
    device.clock.now += 300
    await device.actions.perform(PowerCycle("lined"), for_root=False)
    device.actions.close()


@pytest.mark.asyncio
async def test_a_board_without_lines_cannot_be_reset_nor_multiplexed(tmp_path: Path) -> None:
    device = Device(tmp_path, "bare")
    with pytest.raises(HelperError, match=r"no reset\.gpio"):
        await device.actions.perform(PowerCycle("bare"), for_root=False)
    with pytest.raises(HelperError, match="names no UART"):
        await device.actions.perform(AttachMultiplexer("bare"), for_root=False)


@pytest.mark.asyncio
async def test_the_clock_is_set_only_where_the_operator_allows_it_and_it_was_not_set(tmp_path: Path) -> None:
    device = Device(tmp_path, "bare")
    request = SetClock(RELEASED + 1000)
    with pytest.raises(HelperError, match=r"clock\.set is not switched on"):
        await device.actions.perform(request, for_root=False)
    device.configuration.write_text("[clock]\nset = true\n")
    await device.actions.perform(request, for_root=False)
    assert device.set_to == [RELEASED + 1000]
    for seconds in (RELEASED - 1, RELEASED + 21 * 366 * 86400):
        with pytest.raises(HelperError, match="is no time"):
            await device.actions.perform(SetClock(seconds), for_root=False)
    device.now = RELEASED
    with pytest.raises(HelperError, match="is set already"):
        await device.actions.perform(request, for_root=False)
    assert len(device.set_to) == 1


def test_a_clock_that_the_system_does_not_let_us_set_is_an_error() -> None:
    def refuse(_seconds: float) -> None:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(HelperError, match="the clock was not set: Operation not permitted"):
        WallClock(lambda: 0.0, refuse).set(RELEASED)
