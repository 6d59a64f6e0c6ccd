"""What the agent writes to flash: nothing for an idle poll, and a known number of times for what changes something.

The figures of docs/benchmarks.md are those that `python -m pytest -s` prints here.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from hil.network import Service as RadioService
from tests.e2e.virtual.device import TWO, Device
from tests.e2e.virtual.flash import Flash, watch
from tests.e2e.virtual.house import house_of
from tests.e2e.virtual.test_daemon import HOUR
from tests.e2e.virtual.test_supervision import IMSI_TWO, switch

DAY = 24 * HOUR


@pytest.fixture(name="flash")
def _flash(device: Device, monkeypatch: pytest.MonkeyPatch) -> Flash:
    return watch(device.folder / "state", monkeypatch)


def costs(
    device: Device, flash: Flash, *moments: tuple[float, Callable[[], object]], days: int = 2, extra: str = ""
) -> list[tuple[int, int]]:
    """Writes and bytes of the start (its first hour) and of each day after it, while these things happen."""
    random.seed(1)  # polls are spread by chance, and with them what falls on which day
    found: list[tuple[int, int]] = []
    ends = [(HOUR + day * DAY, lambda: found.append(flash.take())) for day in range(days + 1)]
    moments = tuple(sorted((*ends, *moments), key=lambda moment: moment[0]))
    house_of(device, extra).serve(*moments, until=HOUR + days * DAY + 60.0)
    print("start", found[0], "days", found[1:])  # noqa: T201 - the figures of docs/benchmarks.md
    return found


HOURLY = "[esipa]\npoll_interval = 3600\n"


@pytest.mark.parametrize(("extra", "polls"), [("", 16), (HOURLY, 150)], ids=["usual", "hourly"])
def test_idle_polls_write_nothing_and_an_idle_day_a_few_times(
    device: Device, flash: Flash, extra: str, polls: int
) -> None:
    """What is left is the age of what policy remembers and, once a day, the time for devices without a clock."""
    start, first, *days = costs(device, flash, days=8, extra=extra)
    assert device.eim.association(device.eid).polls >= polls
    assert start[0] <= 8
    assert first[0] <= 12
    assert max(number for number, _ in days) <= 4
    assert max(size for _, size in days) <= 1024


def test_switch_of_the_profile_and_its_result_cost_a_few_writes(device: Device, flash: Flash) -> None:
    _, day, after = costs(device, flash, (2 * HOUR, lambda: switch(device)))
    assert device.states[TWO]
    assert 0 < day[0] <= 30
    assert day[1] <= 16_384
    assert after[0] <= 5


def test_fallback_and_return_cost_a_few_writes(device: Device, flash: Flash) -> None:
    switch(device)
    _, day, after = costs(
        device,
        flash,
        (2 * HOUR, lambda: device.network.set_service(RadioService(coverage=False), imsi=IMSI_TWO)),
        (5 * HOUR, device.network.clear_services),
    )
    assert device.states[TWO]
    assert 0 < day[0] <= 60
    assert day[1] <= 49_152
    assert after[0] <= 5
