"""A device that polls for months, with a switch now and then: nothing grows.

`make soak` plays 10,000 polls with a switch at each fiftieth, the test suite a short form of it. Agent and bench share
the process; what the bench keeps of each message is thrown away from time to time, so that whatever still grew would be
the agent's. The figures of docs/benchmarks.md are those that `python -m pytest -s` prints here.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Final

import pytest

from hil.eim.association import Outcome, Package, PackageState
from tests.e2e.soak.weigher import Weight, weigh
from tests.e2e.virtual.device import ONE, TWO, Device
from tests.e2e.virtual.flash import Flash, watch
from tests.e2e.virtual.house import House, house_of
from tests.e2e.virtual.test_supervision import switch

POLLS: Final = int(os.environ.get("IPAD_SOAK_POLLS", "40"))
EVERY: Final = int(os.environ.get("IPAD_SOAK_SWITCH", "50" if POLLS >= 1000 else "8"))
WARM_UP: Final = 3 * EVERY
"""Polls after which the histories that the agent keeps, which are bounded, are mostly full."""
HOUR, DAY = 3600.0, 86_400.0
INTERVAL: Final = 2 * HOUR
MEGABYTE: Final = 1024 * 1024
PAGE: Final = 4096
"""Of a flash; what is written in one go and fits costs the same, whatever its length."""
_LOOK: Final = HOUR
_WEIGHINGS: Final = 24


class Journey:
    """Queues a switch at every so-manieth poll, weighs from time to time, and keeps the bench small."""

    def __init__(self, house: House, flash: Flash) -> None:
        self._house = house
        (self._device,) = house.devices
        self._flash = flash
        self.weights: list[Weight] = []
        self.switches: list[tuple[PackageState, Outcome | None]] = []
        self.writes: list[tuple[int, int]] = []
        self._waiting: Package | None = None
        self._next_switch = EVERY
        self._next_weight = 0

    @property
    def polls(self) -> int:
        """How often the device has polled."""
        return self._device.eim.association(self._device.eid).polls

    def look(self) -> None:
        """Once an hour of the device."""
        if self._waiting is not None and not self._waiting.open:
            self.switches.append((self._waiting.state, self._waiting.outcome))
            self._waiting = None
        if self.polls >= self._next_switch:
            self._next_switch += EVERY
            self._waiting = switch(self._device, ONE if self._device.states[TWO] else TWO)
        if self.polls >= self._next_weight:
            self._next_weight += max(1, POLLS // _WEIGHINGS)
            self._forget()
            self.weights.append(weigh(self.polls))

    def _forget(self) -> None:
        """What the bench keeps, and the log of the test run, is not the agent's."""
        self.writes.append(self._flash.take())
        device = self._device
        for kept in (device.internet.sent, device.internet.attempts, device.loaded, self._house.manager.sent):
            kept.clear()
        del device.eim.history.records[:-1]
        del device.eim.association(device.eid).packages[:-1]


@pytest.mark.timeout(0)
def test_nothing_grows_however_often_a_device_polls_and_switches(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    monkeypatch.setattr("tests.e2e.virtual.virtual_time._LIMIT", float("inf"))
    random.seed(1)
    house = house_of(device, f"[esipa]\npoll_interval = {INTERVAL:g}\n")
    journey = Journey(house, watch(device.folder / "state", monkeypatch))
    hours = int(POLLS * INTERVAL * 1.02 / _LOOK) + 12
    began = device.clock.monotonic()
    house.serve(*((hour * _LOOK, journey.look) for hour in range(1, hours)), until=hours * _LOOK)
    days = (device.clock.monotonic() - began) / DAY
    print(f"\n{journey.polls} polls, {len(journey.switches)} switches, {days:.0f} days")  # noqa: T201 - the figures
    for weight in journey.weights:
        print(weight)  # noqa: T201 - the figures
    assert journey.polls >= POLLS * 0.95
    assert len(journey.switches) >= POLLS * 0.95 // EVERY - 1
    assert set(journey.switches) == {(PackageState.CLOSED, Outcome.OK)}
    warm = [weight for weight in journey.weights if weight.polls >= WARM_UP]
    assert growth(warm, lambda weight: weight.memory) < 2 * MEGABYTE
    assert growth(warm, lambda weight: weight.objects) < 1000
    assert growth(warm, lambda weight: weight.tasks) <= 0
    assert growth(warm, lambda weight: weight.files) <= 0
    assert growth(warm, lambda weight: weight.threads) <= 0
    few_writes(journey.writes, len(journey.switches), days)


def growth(weights: list[Weight], value: Callable[[Weight], int]) -> int:
    """How much more is held at the height of the rest than at the first weighing."""
    return max(map(value, weights[1:])) - value(weights[0])


def few_writes(writes: list[tuple[int, int]], switches: int, days: float) -> None:
    """A day with a switch costs some twenty writes, an idle one up to four, the first one eight; a write is a page."""
    number, size = (sum(values) for values in zip(*writes, strict=True))
    print(f"{number} writes, {size} bytes to flash")  # noqa: T201 - the figures
    assert number <= 25 * (switches + 1) + 4 * days
    assert size <= PAGE * number
