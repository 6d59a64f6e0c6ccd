"""The daemon over days of virtual time: it reports a fault once, keeps what it has, and tries again by rule."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from hil.modem.knobs import Knobs
from hil.network import Service as RadioService
from ipad.clock import SystemClock
from ipad.daemon.assembly import first_schedule
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from ipad.errors import ConfigError
from ipad.net.probe import Look, ReachedLayer
from tests.e2e.virtual.device import ONE, TWO, Device, execute

HOUR = 3600.0
REPORTED = "trying again in"


@dataclass
class Daemon:
    """`ipad run` on a device, for as long as a test wants."""

    device: Device

    def __post_init__(self) -> None:
        config = self.device.settings
        self.guard = self.device.guard()
        self.service = Service(
            self.device.opener(self.guard),
            first_schedule(config),
            SystemClock(),
            ServiceManager({}),
            self.guard,
            reconnect=config.timers.reconnect,
            chance=lambda: 0.0,
        )

    def serve(self, *moments: tuple[float, Callable[[], object]], until: float) -> None:
        """Serve until a time; at the moments, in seconds from now, something happens to the device."""

        async def life() -> None:
            clock, start = self.device.clock, self.device.clock.monotonic()
            running = asyncio.ensure_future(self.service.run())
            for moment, event in (*moments, (until, self.service.stop)):
                await clock.sleep(max(0.0, start + moment - clock.monotonic()))
                assert not running.done(), "the daemon ended"
                event()
            await running

        self.device.run(life())


def queue_list(device: Device) -> Package:
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    return package


def done(package: Package) -> bool:
    return (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)


@pytest.fixture(name="reports")
def _reports(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the daemon reported as errors."""
    caplog.set_level(logging.INFO, "ipad")
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_healthy_device_is_polled_twice_a_day(device: Device, reports: Callable[[], list[str]]) -> None:
    package = queue_list(device)
    Daemon(device).serve(until=3 * 24 * HOUR + HOUR)
    assert done(package)
    assert device.eim.association(device.eid).polls == 1 + 7
    assert reports() == []
    assert not device.port.in_use


def test_package_of_the_second_day_is_done_on_the_second_day(device: Device) -> None:
    packages: list[Package] = []
    Daemon(device).serve((30 * HOUR, lambda: packages.append(queue_list(device))), until=37 * HOUR)
    assert done(packages[0])


def refuses(_engine: Engine, _request: bytes) -> bytes:
    raise StatusError(0x6F00)


def cuts(engine: Engine, request: bytes) -> bytes:
    return execute(engine, request)[:-1]


Fault = tuple[Callable[[Device], object], Callable[[Device], object], str]
FAULTS: dict[str, Fault] = {
    "silent modem": (
        lambda device: device.modem.set_knobs(Knobs(silent=True)),
        lambda device: device.modem.set_knobs(Knobs()),
        "no answer to 6 AT commands",
    ),
    "port is gone": (
        lambda device: device.modem.power_off(),
        lambda device: device.modem.power_on(),
        "there is no such port",
    ),
    "no card": (
        lambda device: device.modem.set_knobs(Knobs(card_removed=True)),
        lambda device: device.modem.set_knobs(Knobs()),
        "SIM not inserted",
    ),
    "card refuses": (
        lambda device: setattr(device, "card_fault", refuses),
        lambda device: setattr(device, "card_fault", None),
        "GetEID: STORE DATA block 1 of 1: status word 6F00",
    ),
    "card babbles": (
        lambda device: setattr(device, "card_fault", cuts),
        lambda device: setattr(device, "card_fault", None),
        "tag BF3E",
    ),
}


@pytest.mark.parametrize(("breaks", "heals", "reason"), FAULTS.values(), ids=FAULTS)
def test_fault_from_the_start_is_reported_once_and_outlived(
    device: Device,
    reports: Callable[[], list[str]],
    breaks: Callable[[Device], object],
    heals: Callable[[Device], object],
    reason: str,
) -> None:
    package = queue_list(device)
    breaks(device)
    checks: list[bool] = []
    Daemon(device).serve(
        (HOUR, lambda: checks.append(package.state is PackageState.QUEUED)),
        (HOUR, lambda: heals(device)),
        until=HOUR + 400,
    )
    assert checks == [True]
    assert done(package)
    assert len(device.loaded) == 1
    (report,) = [text for text in reports() if REPORTED in text]
    assert reason in report


@pytest.mark.parametrize(("breaks", "heals", "reason"), FAULTS.values(), ids=FAULTS)
def test_fault_between_two_polls_is_outlived(
    device: Device,
    reports: Callable[[], list[str]],
    breaks: Callable[[Device], object],
    heals: Callable[[Device], object],
    reason: str,
) -> None:
    packages: list[Package] = []
    Daemon(device).serve(
        (HOUR, lambda: breaks(device)),
        (2 * HOUR, lambda: packages.append(queue_list(device))),
        (13 * HOUR, lambda: heals(device)),
        until=26 * HOUR,
    )
    assert done(packages[0])
    assert len(device.loaded) == 1
    assert len([text for text in reports() if REPORTED in text]) <= 2


def test_eim_that_cannot_be_reached_is_asked_ever_more_rarely(device: Device, reports: Callable[[], list[str]]) -> None:
    package = queue_list(device)
    reachable = device.internet.reachable
    device.internet.reachable = lambda: False
    device.internet.look = lambda: Look(reached=ReachedLayer.DNS, packets=True, failure="connection refused")
    Daemon(device).serve(
        (12 * HOUR, lambda: setattr(device.internet, "reachable", reachable)),
        until=14 * HOUR,
    )
    assert done(package)
    pauses = [round(after - before) for before, after in itertools.pairwise(device.internet.attempts)]
    assert pauses[:7] == [60, 120, 240, 480, 960, 1920, 3840]
    assert {pause for pause in pauses[7:] if pause} == {3840}


def test_profile_without_service_is_left_again_and_the_eim_is_told(device: Device) -> None:
    device.network.set_service(RadioService(coverage=False), imsi="001020000000002")
    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    Daemon(device).serve(until=HOUR)
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.ROLLED_BACK)
    assert device.states[ONE]


def test_result_that_cannot_be_delivered_for_a_day_is_not_lost(device: Device) -> None:
    device.set_policy("[fallback]\nenabled = false\n")
    (package,) = device.queue(content.psmo_package(content.enable(TWO)))
    device.network.set_service(RadioService(coverage=False), imsi="001020000000002")
    Daemon(device).serve(
        (24 * HOUR, device.network.clear_services),
        until=27 * HOUR,
    )
    assert done(package)
    assert device.states[TWO]
    assert len(device.loaded) == 1


@pytest.mark.parametrize("after", [0.0, 0.5, 2.0, 5.0, 8.0, 12.0])
def test_daemon_that_is_stopped_in_the_middle_of_a_package_leaves_nothing_half_done(
    device: Device, after: float
) -> None:
    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    Daemon(device).serve(until=after)
    assert not device.port.in_use
    Daemon(device).serve(until=HOUR)
    assert done(package)
    assert device.states[TWO]
    assert len(device.loaded) == 1


def test_modem_that_restarts_every_few_minutes_does_not_stop_the_work(device: Device) -> None:
    packages = device.queue(*[content.psmo_package(content.enable(n)) for n in (TWO, ONE, TWO)])
    moments = [(7.0 + 190 * n, lambda: device.modem.hang_up(5)) for n in range(12)]
    Daemon(device).serve(*moments, until=HOUR)
    assert all(done(package) for package in packages)
    assert device.states[TWO]
    assert len(device.loaded) == 3


@pytest.mark.parametrize("modem", ['port = "virtual"\nboard = "quectel-eg52"', ""], ids=["board", "no modem"])
def test_wrong_configuration_ends_the_daemon(device: Device, modem: str) -> None:
    device.configure(modem=modem)
    with pytest.raises(ConfigError):
        device.run(Daemon(device).service.run())
    done = device.ipad("run")
    assert done.code == 78
    assert len(done.errors) == 1
