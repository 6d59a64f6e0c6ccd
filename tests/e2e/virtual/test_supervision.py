"""A device is never stranded: switches, losses and returns, with the real procedures between policy and card."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from hil.eim.history import RecordKind
from hil.euicc import EuiccKind
from hil.network import Service as RadioService
from ipad.codec.esipa import GetEimPackageRequest
from ipad.errors import HttpStatusError, NetworkError
from ipad.net.probe import Look, ReachedLayer
from ipad.state.store import StateStore
from tests.e2e.virtual.conftest import MakeDevice
from tests.e2e.virtual.device import ONE, TWO, Device
from tests.e2e.virtual.test_daemon import HOUR, Daemon, done

MINUTE = 60.0
IMSI_ONE, IMSI_TWO = "001010000000001", "001020000000002"
NO_COVERAGE = RadioService(coverage=False)


def switch(device: Device, iccid: str = TWO, *, rollback: bool = True) -> Package:
    (package,) = device.queue(content.psmo_package(content.enable(iccid, rollback=rollback)))
    return package


def rolled_back(package: Package) -> bool:
    return (package.state, package.outcome) == (PackageState.CLOSED, Outcome.ROLLED_BACK)


def results(device: Device) -> int:
    """Different results of packages that the eIM got."""
    return len({record.summary for record in device.eim.history.records if record.kind is RecordKind.RESULT})


def told(device: Device) -> list[tuple[int | None, str | None]]:
    """Cause and network of every poll that told a state change."""
    requests = [GetEimPackageRequest.decode(message) for message in device.internet.sent if message[:2] == b"\xbf\x4f"]
    return [
        (request.state_change_cause, None if request.r_plmn is None else request.r_plmn.hex())
        for request in requests
        if request.state_change_cause is not None
    ]


def no_service(device: Device, imsi: str) -> None:
    device.network.set_service(NO_COVERAGE, imsi=imsi)


def test_switch_that_works_is_committed_and_its_result_comes_once(device: Device) -> None:
    package = switch(device)
    daemon = Daemon(device)
    daemon.serve(until=HOUR)
    assert done(package)
    assert device.states[TWO]
    assert results(device) == 1
    assert daemon.guard.engine.state.window is None
    assert [entry.what for entry in daemon.guard.engine.state.history][-1] == "commit"


def test_switch_without_service_is_rolled_back_and_one_result_comes(device: Device) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device)
    Daemon(device).serve(until=HOUR)
    assert rolled_back(package)
    assert device.states[ONE]
    assert results(device) == 1
    assert len(device.loaded) == 1


def test_no_other_package_is_taken_while_a_rollback_is_possible(device: Device) -> None:
    no_service(device, IMSI_TWO)
    first, second = switch(device), device.queue(content.psmo_package(content.list_profile_info()))[0]
    checks: list[int] = []
    Daemon(device).serve((4 * MINUTE, lambda: checks.append(len(device.loaded))), until=HOUR)
    assert checks == [1]
    assert rolled_back(first)
    assert done(second)


def test_switch_without_the_right_to_roll_back_ends_in_the_fallback_profile(device: Device) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device, rollback=False)
    Daemon(device).serve(until=HOUR)
    assert done(package)
    assert device.states[ONE]
    assert (1, "00f110") in told(device)


def test_home_network_that_dies_is_left_and_returned_to_when_it_is_back(device: Device) -> None:
    switch(device)
    daemon = Daemon(device)
    seen: list[tuple[str, bool]] = []
    daemon.serve(
        (HOUR, lambda: no_service(device, IMSI_TWO)),
        (3 * HOUR, lambda: seen.append(("fallback", device.states[ONE]))),
        (3 * HOUR, lambda: seen.append(("told", (1, "00f110") in told(device)))),
        (4 * HOUR, device.network.clear_services),
        until=12 * HOUR,
    )
    assert seen == [("fallback", True), ("told", True)]
    assert device.states[TWO]
    assert told(device).count((1, "00f120")) == 1
    assert daemon.guard.engine.state.window is None


def test_device_whose_memory_is_damaged_in_the_fallback_profile_returns(device: Device) -> None:
    fall_back(device)
    for file in (device.folder / "state").iterdir():
        file.write_bytes(file.read_bytes()[:-20])
    device.network.clear_services()
    Daemon(device).serve(until=12 * HOUR)
    assert device.states[TWO]


def test_device_whose_state_is_gone_is_not_stranded_when_the_fallback_profile_dies(device: Device) -> None:
    fall_back(device)
    for file in (device.folder / "state").iterdir():
        file.unlink()
    device.network.clear_services()
    Daemon(device).serve((HOUR, lambda: no_service(device, IMSI_ONE)), until=4 * HOUR)
    assert device.states[TWO]


def fall_back(device: Device) -> None:
    """The second profile is enabled, and loses its service for good."""
    switch(device)
    Daemon(device).serve((HOUR, lambda: no_service(device, IMSI_TWO)), until=3 * HOUR)
    assert device.states[ONE]


@pytest.mark.parametrize("reboot", [False, True], ids=["process", "device"])
@pytest.mark.parametrize("after", [8.0, 60.0, 200.0, 299.0, 302.0, 320.0, 330.0, 360.0])
def test_restart_in_the_middle_of_a_window_changes_nothing(device: Device, after: float, reboot: bool) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device)
    Daemon(device).serve(until=after)
    if reboot:
        device.boot = "boot 2"
        device.modem.power_off()
        device.modem.power_on()
        device.clock.advance(20.0)
    Daemon(device).serve(until=HOUR)
    assert rolled_back(package)
    assert device.states[ONE]
    assert results(device) == 1
    assert len(device.loaded) == 1


@pytest.mark.parametrize("name", ["policy.cbor", "journal.cbor"])
def test_state_file_that_is_lost_in_a_window_does_not_strand_the_device(device: Device, name: str) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device)
    Daemon(device).serve(until=100.0)
    (device.folder / "state" / name).unlink()
    Daemon(device).serve(until=HOUR)
    assert device.states[ONE]
    assert rolled_back(package)


def test_result_of_a_package_comes_once_although_the_journal_is_damaged(device: Device) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device)
    Daemon(device).serve(until=100.0)
    file = device.folder / "state" / "journal.cbor"
    file.write_bytes(file.read_bytes()[:-20])
    Daemon(device).serve(until=HOUR)
    assert rolled_back(package)
    assert results(device) == 1


def test_full_disk_between_enable_and_rollback_does_not_keep_the_device_offline(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device)
    real, full = os.open, False

    def open_file(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if full and flags & os.O_CREAT and str(device.folder / "state") in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, flags, *more, **options)

    def fill() -> None:
        nonlocal full
        full = True

    def empty() -> None:
        nonlocal full
        full = False

    monkeypatch.setattr("ipad.state.store.os.open", open_file)
    seen: list[bool] = []
    Daemon(device).serve(
        (4.0, fill),
        (20 * MINUTE, lambda: seen.append(device.states[ONE])),
        (30 * MINUTE, empty),
        until=2 * HOUR,
    )
    assert seen == [True]
    assert rolled_back(package)
    assert results(device) == 1


def refused(_message: bytes, _answer: bytes) -> bytes:
    raise NetworkError("connection refused", layer="tcp")


def overloaded(_message: bytes, _answer: bytes) -> bytes:
    raise HttpStatusError("HTTP status 503", status=503, transient=True, retry_after=900.0)


def out_of_date(_message: bytes, _answer: bytes) -> bytes:
    raise NetworkError("certificate is not yet valid", layer="tls")


Spoil = Callable[[bytes, bytes], bytes]
ALIVE = Look(reached=ReachedLayer.DNS, packets=True, others=True, failure="connection refused")
CLOCK = replace(ALIVE, reached=ReachedLayer.TCP, others=None, clock=True, failure="not yet valid")


@pytest.mark.parametrize(("spoil", "look"), [(refused, ALIVE), (out_of_date, CLOCK)], ids=["refused", "clock"])
def test_outage_of_the_eim_alone_rolls_nothing_back(device: Device, spoil: Spoil, look: Look) -> None:
    package = switch(device)

    def outage() -> None:
        device.internet.spoil = spoil
        device.internet.look = lambda: look

    def over() -> None:
        device.internet.spoil = device.internet.look = None

    daemon = Daemon(device)
    daemon.serve((1.5, outage), (11 * HOUR, over), until=13 * HOUR)
    assert done(package)
    assert device.states[TWO]
    assert len(device.loaded) == 1


def test_overloaded_eim_counts_as_reached_and_is_left_alone_for_as_long_as_it_asks(device: Device) -> None:
    package = switch(device)

    def overload() -> None:
        device.internet.spoil = overloaded

    daemon = Daemon(device)
    daemon.serve((1.5, overload), (5 * MINUTE, lambda: setattr(device.internet, "spoil", None)), until=HOUR)
    assert done(package)
    assert device.states[TWO]
    assert daemon.guard.engine.state.window is None


@pytest.mark.parametrize("after", [1.0, 1.5, 2.0, 3.0, 5.0])
def test_modem_that_restarts_in_the_middle_of_a_switch_comes_online(device: Device, after: float) -> None:
    package = switch(device)
    Daemon(device).serve((after, lambda: device.modem.hang_up(5)), until=HOUR)
    assert done(package)
    assert device.states[TWO]
    assert len(device.loaded) == 1


def test_data_that_is_dead_behind_a_good_registration_is_noticed(device: Device) -> None:
    package = switch(device)

    def dead() -> None:
        device.internet.reachable = lambda: device.states[ONE] and device.bearer_up

    Daemon(device).serve((1.5, dead), until=HOUR)
    assert rolled_back(package)
    assert device.states[ONE]


CONSUMER = f"""
euicc = "consumer"

[rule.other]
when = "loss-of-service"
hold = 100
do = "enable"
profiles = ["{ONE}", "{TWO}"]
"""


def consumer(make_device: MakeDevice) -> Device:
    device = make_device(EuiccKind.CONSUMER)
    device.insert("quectel-eg25")
    device.set_policy(CONSUMER, '[probe]\nothers = ["probe.example.com:443"]\n')
    device.internet.look = lambda: (
        Look(reached=ReachedLayer.BEARER, packets=True, others=True)
        if device.bearer_up
        else Look(reached=ReachedLayer.NOTHING)
    )
    return device


def test_consumer_euicc_is_switched_by_a_rule_where_its_profile_loses_service(make_device: MakeDevice) -> None:
    device = consumer(make_device)
    Daemon(device).serve((HOUR, lambda: no_service(device, IMSI_ONE)), until=3 * HOUR)
    assert device.states[TWO]


def test_consumer_euicc_gets_its_profile_back_where_the_other_one_is_no_better(make_device: MakeDevice) -> None:
    device = consumer(make_device)
    no_service(device, IMSI_TWO)
    seen: list[bool] = []
    Daemon(device).serve(
        (HOUR, lambda: no_service(device, IMSI_ONE)),
        (HOUR + 4 * MINUTE, lambda: seen.append(device.states[TWO])),
        until=HOUR + 30 * MINUTE,
    )
    assert seen == [True]
    assert device.states[ONE]


def test_memory_of_policy_is_written_seldom(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[Path] = []
    real = StateStore._replace_file

    def replace_file(store: StateStore, data: bytes) -> None:
        writes.append(store.path)
        real(store, data)

    monkeypatch.setattr(StateStore, "_replace_file", replace_file)
    Daemon(device).serve(until=10 * 24 * HOUR)
    assert len(writes) < 40
