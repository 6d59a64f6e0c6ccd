from __future__ import annotations

import pytest

from ipad.net.known_time import RELEASED, KnownTime
from tests.fakes.clock import FakeClock

DAY = 86_400.0


class BootClock(FakeClock):
    """A wall clock that began in 1970 and a monotonic clock of its own."""

    def time(self) -> float:
        return self.now - 1_800_000_000.0


def test_clock_that_is_right_counts() -> None:
    clock = FakeClock(RELEASED + 400 * DAY)
    assert KnownTime(clock, saved=RELEASED + DAY).now() == clock.time()


def test_clock_that_was_never_set_is_not_believed() -> None:
    clock = BootClock()
    assert KnownTime(clock).now() == RELEASED
    assert KnownTime(clock, saved=RELEASED + 5 * DAY).now() == RELEASED + 5 * DAY


def test_network_time_counts_and_goes_on() -> None:
    clock = BootClock()
    known = KnownTime(clock, saved=RELEASED + DAY)
    assert known.note_network_time(RELEASED + 300 * DAY)
    clock.now += 60
    assert known.now() == RELEASED + 300 * DAY + 60


@pytest.mark.parametrize("seconds", [0.0, RELEASED - 1, RELEASED + 41 * 365.25 * DAY])
def test_implausible_network_time_is_refused(seconds: float) -> None:
    known = KnownTime(BootClock())
    assert not known.note_network_time(seconds)
    assert known.now() == RELEASED


def test_network_time_behind_the_saved_time_does_not_take_it_back() -> None:
    known = KnownTime(BootClock(), saved=RELEASED + 9 * DAY)
    known.note_network_time(RELEASED + DAY)
    assert known.now() == RELEASED + 9 * DAY
