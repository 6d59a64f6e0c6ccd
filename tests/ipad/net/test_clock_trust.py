from __future__ import annotations

from pathlib import Path

import pytest

from ipad.net.clock_trust import clock_synchronised, explains, is_confirmed
from ipad.net.known_time import RELEASED, KnownTime
from tests.fakes.clock import FakeClock

DAY = 86_400.0
YEAR = 365 * DAY
SAVED = RELEASED + 100 * DAY


def known(system: float, network: float | None = None) -> KnownTime:
    time = KnownTime(FakeClock(system), saved=SAVED)
    if network is not None:
        assert time.note_network_time(network)
    return time


@pytest.mark.parametrize(
    ("system", "network", "synchronised", "expected"),
    [
        (SAVED + DAY, None, False, False),
        (SAVED + DAY, None, True, True),
        (0.0, None, True, False),
        (0.0, SAVED + DAY, False, True),
        (SAVED + DAY, SAVED + DAY + 3600, False, True),
        (SAVED + YEAR, SAVED + DAY, False, False),
        (RELEASED + 100 * YEAR, None, True, False),
    ],
    ids=[
        "nobody says so", "kernel", "kernel says 1970", "network alone", "both agree", "system is ahead of the network",
        "beyond all reason",
    ],
)  # fmt: skip
def test_who_confirms_the_time(system: float, network: float | None, synchronised: bool, expected: bool) -> None:
    assert is_confirmed(known(system, network), synchronised=synchronised) is expected


def test_clock_that_was_never_set_explains_a_certificate_of_the_future() -> None:
    assert explains(known(0.0), (SAVED + DAY, SAVED + YEAR), synchronised=False)


def test_clock_of_a_file_that_is_behind_explains_it_as_well() -> None:
    assert explains(known(SAVED + DAY), (SAVED + 30 * DAY, SAVED + YEAR), synchronised=False)


def test_clock_that_is_confirmed_explains_nothing() -> None:
    dates = (SAVED + 30 * DAY, SAVED + YEAR)
    assert not explains(known(SAVED + DAY), dates, synchronised=True)
    assert not explains(known(0.0, SAVED + DAY), dates, synchronised=False)


def test_certificate_that_has_certainly_expired_is_the_servers_fault() -> None:
    assert not explains(known(0.0), (RELEASED, SAVED - DAY), synchronised=False)


def test_clock_that_may_be_ahead_explains_an_expired_certificate() -> None:
    assert explains(known(SAVED + 10 * YEAR), (SAVED, SAVED + YEAR), synchronised=False)
    assert explains(known(SAVED + 10 * YEAR, SAVED + DAY), (SAVED, SAVED + YEAR), synchronised=True) is False


def test_right_dates_need_no_explanation() -> None:
    assert not explains(known(SAVED + DAY), (SAVED, SAVED + YEAR), synchronised=False)


def test_mark_of_timesyncd_is_enough(tmp_path: Path) -> None:
    mark = tmp_path / "synchronized"
    mark.touch()
    assert clock_synchronised(mark)


class Kernel:
    """The C library with a kernel whose clock is in this state."""

    def __init__(self, state: int) -> None:
        self._state = state

    def adjtimex(self, _: object) -> int:
        return self._state


@pytest.mark.parametrize(("state", "expected"), [(0, True), (1, True), (5, False), (-1, False)])
def test_kernel_is_asked_without_it(
    state: int, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: Kernel(state))
    assert clock_synchronised(tmp_path / "missing") is expected


def test_library_without_the_call_says_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
    assert not clock_synchronised(tmp_path / "missing")
