from __future__ import annotations

import pytest

from hil.clock import ManualClock
from hil.modem.pacing import PacedPipe, byte_time


def test_unpaced_line_passes_everything_at_once() -> None:
    pieces: list[bytes] = []
    PacedPipe(ManualClock(), pieces.append).write(b"abc")
    assert pieces == [b"abc"]


def test_apdu_takes_its_47_milliseconds_at_115200_bit_per_second() -> None:
    clock, received = ManualClock(), bytearray()
    pipe = PacedPipe(clock, received.extend, byte_time(115200))
    pipe.write(b"x" * 540)
    clock.advance(0.046)
    assert 500 < len(received) < 540
    clock.advance(0.001)
    assert len(received) == 540


def test_bytes_stay_in_order_and_wait_for_those_before_them() -> None:
    clock, received = ManualClock(), bytearray()
    pipe = PacedPipe(clock, received.extend, 1.0, slice_bytes=1)
    pipe.write(b"ab")
    clock.advance(1.5)
    pipe.write(b"c")
    assert received == b"a"
    clock.advance(0.5)
    assert received == b"ab"
    clock.advance(1)
    assert received == b"abc"
    assert clock.next_deadline is None


def test_idle_time_is_not_saved_up() -> None:
    clock, received = ManualClock(), bytearray()
    pipe = PacedPipe(clock, received.extend, 1.0, slice_bytes=1)
    pipe.write(b"a")
    clock.advance(100)
    pipe.write(b"bc")
    clock.advance(1)
    assert received == b"ab"


def test_cleared_line_loses_what_was_on_it() -> None:
    clock, received = ManualClock(), bytearray()
    pipe = PacedPipe(clock, received.extend, 1.0)
    pipe.write(b"abc")
    pipe.clear()
    clock.advance(10)
    assert received == b""


def test_speed_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        byte_time(0)
