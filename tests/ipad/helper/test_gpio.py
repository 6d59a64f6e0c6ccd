"""Lines by the character device and by sysfs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.errors import HelperError
from ipad.helper.gpio import GpioLines, Line
from ipad.helper.kernel import request_code
from tests.ipad.helper.kernel import GET_LINE, FakeKernel


def test_requests_are_numbered_as_the_headers_of_the_kernel_do() -> None:
    assert request_code("r", 0xB4, 1, 68, "x86_64") == 0x8044B401
    assert request_code("rw", 0xB4, 7, 592, "aarch64") == 0xC250B407
    assert request_code("w", ord("G"), 1, 76, "armv7l") == 0x404C4701
    assert request_code("r", 0xB4, 1, 68, "mips") == 0x4044B401
    assert request_code("rw", 0xB4, 7, 592, "mips64") == 0xC250B407
    assert request_code("w", ord("G"), 1, 76, "ppc64le") == 0x804C4701


def lines_of(tmp_path: Path, **chips: list[str]) -> tuple[GpioLines, FakeKernel]:
    kernel = FakeKernel(tmp_path, chips)
    return GpioLines(tmp_path, kernel.ioctl), kernel


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (Line("gpiochip0", "4"), ("gpiochip0", 4)),
        (Line("gpiochip1", "modem-power"), ("gpiochip1", 1)),
        (Line("label-gpiochip1", "1"), ("gpiochip1", 1)),
        (Line("", "modem-power"), ("gpiochip1", 1)),
    ],
)
def test_a_line_is_found_by_chip_label_name_and_number(tmp_path: Path, line: Line, place: tuple[str, int]) -> None:
    lines, kernel = lines_of(tmp_path, gpiochip0=["", "", "", "", "BCM4"], gpiochip1=["", "modem-power"])
    lines.drive(line, active=True)
    assert kernel.levels == [(*place, 1)]
    lines.close()


def test_a_line_keeps_its_level_until_it_is_released(tmp_path: Path) -> None:
    lines, kernel = lines_of(tmp_path, gpiochip0=["power"])
    line = Line("gpiochip0", "power", active_low=True)
    lines.drive(line, active=False)
    lines.drive(line, active=True)
    assert kernel.levels == [("gpiochip0", 0, 1), ("gpiochip0", 0, 0)]
    assert lines.holding
    assert kernel.still_held == {("gpiochip0", 0)}
    lines.release(line)
    assert not lines.holding
    assert not kernel.still_held


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (Line("gpiochip0", "9"), "GPIO chip gpiochip0 has no line '9'"),
        (Line("gpiochip7", "0"), "GPIO chip gpiochip7 has no line '0'"),
        (Line("", "nothing"), "neither /sys/class/gpio nor a GPIO chip has a line 'nothing'"),
        (Line("../mem", "0"), "no name of a GPIO chip"),
        (Line("", "../../kernel"), "no name of a GPIO chip or line"),
    ],
)
def test_a_line_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path, line: Line, problem: str) -> None:
    lines, _ = lines_of(tmp_path, gpiochip0=["power"])
    with pytest.raises(HelperError, match=problem):
        lines.drive(line, active=True)


def test_a_line_that_somebody_else_has_is_an_error(tmp_path: Path) -> None:
    lines, kernel = lines_of(tmp_path, gpiochip0=["power"])
    kernel.refuse = GET_LINE
    with pytest.raises(HelperError, match="GPIO line power: Operation not permitted"):
        lines.drive(Line("gpiochip0", "power"), active=True)


def test_a_line_that_sysfs_exports_is_written_there_and_stays(tmp_path: Path) -> None:
    lines, _ = lines_of(tmp_path)
    folder = tmp_path / "sys/class/gpio/modem_power"
    folder.mkdir(parents=True)
    (folder / "value").write_text("0\n")
    (folder / "direction").write_text("in\n")
    lines.drive(Line("", "modem_power"), active=True)
    assert (folder / "value").read_text() == "1"
    assert (folder / "direction").read_text() == "high"
    lines.drive(Line("", "modem_power", active_low=True), active=True)
    assert (folder / "value").read_text() == "0"
    assert not lines.holding


def test_a_numbered_line_is_exported_first(tmp_path: Path) -> None:
    lines, _ = lines_of(tmp_path)
    folder = tmp_path / "sys/class/gpio"
    folder.mkdir(parents=True)
    (folder / "export").touch()
    with pytest.raises(HelperError, match="gpio515"):
        lines.drive(Line("", "gpio515"), active=True)
    assert (folder / "export").read_text() == "515"
