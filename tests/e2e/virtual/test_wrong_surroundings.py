"""What is wrong round the daemon: files, disk, clock, ports. One clear message each, in the status as well."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cbor2
import pytest

from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from ipad.board.location import two_modems
from ipad.errors import ConfigError, PortError
from ipad.modem.link import SerialLink
from ipad.net.known_time import RELEASED
from tests.e2e.virtual.device import Device
from tests.e2e.virtual.house import House, house_of

HOUR = 3600.0
Errors = Callable[[], list[str]]


@pytest.fixture(name="errors")
def _errors(caplog: pytest.LogCaptureFixture) -> Errors:
    """What was logged as an error."""
    caplog.set_level(logging.INFO, "ipad")
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def queue_list(device: Device) -> Package:
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    return package


def done(package: Package) -> bool:
    return (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)


def failures(house: House) -> list[str]:
    """The statuses that say that something failed."""
    return [text for text in house.manager.statuses if text.startswith("failed: ")]


# The state directory


class Disk:
    """Writing below a folder fails with an error as long as there is one."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self._folder = str(folder)
        self._open = os.open
        patch.setattr(os, "open", self._opened)

    def _opened(self, path: Any, flags: int, *rest: Any, **options: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        if self.error is not None and writes and str(path).startswith(self._folder):
            raise OSError(self.error, os.strerror(self.error), str(path))
        return self._open(path, flags, *rest, **options)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "No space left on device"), (errno.EROFS, "Read-only file system"), (errno.EACCES, "Permission")],
)
def test_disk_that_takes_nothing_is_named_and_outlived(
    device: Device, errors: Errors, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    house = house_of(device)
    disk = Disk(device.folder / "state", monkeypatch)
    disk.error = number
    package = queue_list(device)
    open_before_repair: list[bool] = []
    house.serve(
        (HOUR, lambda: open_before_repair.append(package.state is PackageState.CLOSED)),
        (HOUR, lambda: setattr(disk, "error", None)),
        until=2 * HOUR,
    )
    # What only the agent would know must not be lost, so nothing is begun that cannot be written down.
    assert open_before_repair == [False]
    assert done(package)
    assert "READY=1" in house.manager.sent
    assert reason in failures(house)[0]
    assert str(device.journal) in failures(house)[0]
    assert len([text for text in errors() if "trying again" in text]) == 1


def test_idle_device_with_a_full_disk_goes_on_polling(
    device: Device, errors: Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    house_of(device).serve(until=HOUR)
    disk = Disk(device.folder / "state", monkeypatch)
    disk.error = errno.ENOSPC
    house = house_of(device)
    before = device.eim.association(device.eid).polls
    house.serve(until=25 * HOUR)
    assert device.eim.association(device.eid).polls - before >= 2
    assert failures(house) == []
    assert len(errors()) <= 4  # of 25 hours
    assert all("No space left on device" in text for text in errors())


def test_state_of_a_newer_version_is_kept_and_named(device: Device, errors: Errors) -> None:
    newer = cbor2.dumps({"schema": 99, "anything": 1})
    device.journal.parent.mkdir(exist_ok=True)
    device.journal.write_bytes(newer)
    house = house_of(device)
    house.serve(until=HOUR)
    assert device.journal.read_bytes() == newer
    assert device.loaded == []
    assert "schema 99, this version reads up to" in failures(house)[-1]
    assert len([text for text in errors() if "schema 99" in text]) == 1


# Configuration files and what they name


def fatal(house: House) -> str:
    with pytest.raises(ConfigError) as caught:
        house.serve(until=HOUR)
    return str(caught.value)


def test_board_file_with_an_unknown_key(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    boards = device.folder / "boards"
    boards.mkdir()
    (boards / "mine.toml").write_text('name = "mine"\nkind = "module"\n[serial]\nbaudd = 9600\n')
    monkeypatch.setattr("ipad.daemon.link.LOCAL_BOARDS", boards)
    house = house_of(device, modem='port = "virtual"\nboard = "mine"')
    text = fatal(house)
    assert f"{boards}/mine.toml:" in text
    assert "baudd" in text
    assert f"out of service: {text}" in house.manager.statuses


def test_port_that_is_missing_is_looked_for_again(
    device: Device, monkeypatch: pytest.MonkeyPatch, errors: Errors
) -> None:
    found: list[str] = []
    problem = "board quectel-eg25: no such port is there"

    def ports(*_: object) -> Sequence[str]:
        if not found:
            raise PortError(problem)
        return found

    monkeypatch.setattr("ipad.board.location.at_ports", ports)
    house = house_of(device, modem='board = "quectel-eg25"')
    package = queue_list(device)
    house.serve((HOUR, lambda: found.append("/dev/ttyUSB2")), until=2 * HOUR)
    assert done(package)
    assert problem in failures(house)[0]
    assert len([text for text in errors() if problem in text]) == 1


def both(*_: object) -> Sequence[str]:
    raise two_modems("board quectel-eg25", ["1-1: /dev/ttyUSB2", "1-2: /dev/ttyUSB6"])


def test_two_modems_that_match_are_named_before_anything_is_opened(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipad.board.location.at_ports", both)
    house = house_of(device, modem='board = "quectel-eg25"')
    text = fatal(house)
    assert "2 modems match: 1-1: /dev/ttyUSB2; 1-2: /dev/ttyUSB6" in text
    assert f"out of service: {text}" in house.manager.statuses


def test_second_modem_that_appears_later_does_not_end_the_service(
    device: Device, monkeypatch: pytest.MonkeyPatch, errors: Errors
) -> None:
    house = house_of(device, modem='board = "quectel-eg25"')
    found: list[Callable[..., Sequence[str]]] = [lambda *_: ["/dev/ttyUSB2"]]
    monkeypatch.setattr("ipad.board.location.at_ports", lambda *_: found[0]())
    packages: list[Package] = []
    house.serve(
        (HOUR, lambda: found.__setitem__(0, both)),
        (HOUR, house.hup),
        (2 * HOUR, lambda: found.__setitem__(0, lambda *_: ["/dev/ttyUSB2"])),
        (2 * HOUR, lambda: packages.append(queue_list(device))),
        (2 * HOUR, house.poll_now),
        until=3 * HOUR,
    )
    assert done(packages[0])
    assert any("failed: board quectel-eg25: 2 modems match" in text for text in house.manager.statuses)


def test_modem_that_comes_back_under_another_name_is_found_by_its_board(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = ["/dev/ttyUSB2"]
    opened: list[str] = []

    def link(settings: Any) -> Any:
        async def open_link() -> SerialLink:
            if settings.path != ports[0]:
                raise PortError(f"{settings.path}: there is no such port")
            opened.append(settings.path)
            return await device.port.open()

        return open_link

    monkeypatch.setattr("ipad.board.location.at_ports", lambda *_: list(ports))
    monkeypatch.setattr("ipad.daemon.link.opener", link)
    packages: list[Package] = []
    house = house_of(device, modem='board = "quectel-eg25"')
    house.serve(
        (HOUR, device.modem.power_off),
        (HOUR, lambda: ports.__setitem__(0, "/dev/ttyUSB7")),
        (HOUR + 120, device.modem.power_on),
        (HOUR + 120, lambda: packages.append(queue_list(device))),
        until=26 * HOUR,
    )
    assert done(packages[0])
    assert opened[0] == "/dev/ttyUSB2"
    assert opened[-1] == "/dev/ttyUSB7"


def test_certificate_file_that_is_missing_is_named(device: Device, errors: Errors) -> None:
    house = house_of(device, '[rsp]\nci_files = ["missing.pem"]\n')
    assert "missing.pem" in fatal(house)
    assert any("missing.pem" in text for text in house.manager.statuses)


# The clock


@pytest.mark.parametrize("wall", [0.0, RELEASED - 86_400 * 365])
def test_clock_that_was_never_set_delays_nothing(device: Device, monkeypatch: pytest.MonkeyPatch, wall: float) -> None:
    from ipad.clock import SystemClock  # noqa: PLC0415

    monkeypatch.setattr(SystemClock, "time", lambda _self: wall + device.clock.monotonic())
    package = queue_list(device)
    house = house_of(device)
    house.serve(until=25 * HOUR)
    assert done(package)
    assert device.eim.association(device.eid).polls >= 3
    assert failures(house) == []


def test_clock_that_jumps_moves_no_poll(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    from ipad.clock import SystemClock  # noqa: PLC0415

    offset = [0.0]
    monkeypatch.setattr(SystemClock, "time", lambda _self: offset[0] + device.clock.monotonic())
    house = house_of(device)
    polls: list[int] = []

    def count() -> None:
        polls.append(device.eim.association(device.eid).polls)

    house.serve(
        (HOUR, lambda: offset.__setitem__(0, 1.9e9)),
        (HOUR, count),
        (10 * HOUR, count),
        (10 * HOUR, lambda: offset.__setitem__(0, 1.0)),
        (10.5 * HOUR, count),
        until=26 * HOUR,
    )
    assert polls[0] == polls[1] == polls[2]
    assert device.eim.association(device.eid).polls >= polls[2] + 2
