"""A disk that takes nothing for longer than a profile is on trial: the eIM judges the profile, not the disk."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from ipad.policy.decisions import Commit, ReturnFromFallback, Rollback
from tests.e2e.virtual.device import ONE, TWO, Device
from tests.e2e.virtual.test_daemon import HOUR, Daemon, done
from tests.e2e.virtual.test_supervision import IMSI_TWO, MINUTE, no_service, results, rolled_back, switch
from tests.e2e.virtual.test_wrong_surroundings import Disk

SWITCHED = 1.0
"""Seconds after which the eUICC has carried out the switch and its result is not written yet."""


@pytest.fixture(name="disk")
def _disk(device: Device, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(device.folder / "state", monkeypatch)


def full(disk: Disk) -> Callable[[], None]:
    return lambda: setattr(disk, "error", errno.ENOSPC)


def empty(disk: Disk) -> Callable[[], None]:
    return lambda: setattr(disk, "error", None)


class Decided:
    """What policy decided."""

    def __init__(self, daemon: Daemon) -> None:
        self.decisions: list[object] = []
        engine = daemon.guard.engine
        tell = engine._tell
        engine._tell = lambda decision: (self.decisions.append(decision), tell(decision))[1]  # type: ignore[func-returns-value]

    def made(self, kind: type) -> int:
        return sum(isinstance(decision, kind) for decision in self.decisions)


def settled(device: Device) -> bool:
    """Nothing waits on the card any more."""
    state = device.card.engine.state
    return not state.results and not state.notifications


@pytest.mark.parametrize("reboot", [False, True], ids=["no reboot", "reboot"])
@pytest.mark.parametrize("since", [0.9, SWITCHED, 1.5, 2.0])
def test_switched_profile_with_service_stays_and_its_result_counts_once(
    device: Device, disk: Disk, since: float, reboot: bool
) -> None:
    package = switch(device)
    if reboot:
        Daemon(device).serve((since, full(disk)), until=2.5)
        device.boot = "boot 2"
        device.modem.power_off()
        device.modem.power_on()
        device.clock.advance(20.0)
    daemon = Daemon(device)
    decided = Decided(daemon)
    daemon.serve((since, full(disk)), (HOUR, empty(disk)), until=3 * HOUR)
    assert done(package)
    assert device.states[TWO]
    assert results(device) == 1
    assert len(device.loaded) == 1
    assert decided.made(Rollback) == 0
    assert settled(device)


def test_switched_profile_without_service_is_rolled_back(device: Device, disk: Disk) -> None:
    no_service(device, IMSI_TWO)
    package = switch(device)
    seen: list[bool] = []
    Daemon(device).serve(
        (SWITCHED, full(disk)),
        (20 * MINUTE, lambda: seen.append(device.states[ONE])),
        (HOUR, empty(disk)),
        until=3 * HOUR,
    )
    assert seen == [True]
    assert rolled_back(package)
    assert results(device) == 1
    assert settled(device)


def test_journal_that_is_lost_in_a_trial_and_cannot_be_written_costs_no_profile(device: Device, disk: Disk) -> None:
    package = switch(device)
    Daemon(device).serve((1.5, lambda: setattr(device.internet, "reachable", lambda: False)), until=20.0)
    device.internet.reachable = lambda: device.bearer_up
    file = device.folder / "state" / "journal.cbor"
    file.write_bytes(file.read_bytes()[:-20])
    disk.error = errno.ENOSPC
    daemon = Daemon(device)
    decided = Decided(daemon)
    daemon.serve((20 * HOUR, empty(disk)), until=24 * HOUR)
    assert decided.made(Rollback) == 0
    assert device.states[TWO]
    assert done(package)
    assert len(device.loaded) == 1
    assert settled(device)


def test_fallback_profile_that_works_is_not_left_for_the_disk(device: Device, disk: Disk) -> None:
    switch(device)
    daemon = Daemon(device)
    decided = Decided(daemon)
    seen: list[tuple[bool, int, int]] = []

    def look() -> None:
        seen.append((device.states[ONE], decided.made(ReturnFromFallback), decided.made(Commit)))

    daemon.serve(
        (HOUR, lambda: no_service(device, IMSI_TWO)),
        (HOUR + MINUTE, full(disk)),
        (4 * HOUR, look),
        (6 * HOUR, empty(disk)),
        (6.5 * HOUR, look),
        until=7 * HOUR,
    )
    # The commit of the switch, and that of the fallback.
    assert seen == [(True, 0, 2), (True, 0, 2)]
