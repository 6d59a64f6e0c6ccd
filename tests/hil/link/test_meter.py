from __future__ import annotations

import pytest

from hil.clock import ManualClock
from hil.link.meter import Flow, Heading, Meter, Meters, datagram
from hil.link.segments import DELAYED_ACK, OVERHEAD, SYN_SIZE, SegmentEstimate, segments

UP, DOWN = Heading.UP, Heading.DOWN


@pytest.mark.parametrize(
    ("payload", "mtu", "wire"),
    [(0, 1500, 28), (100, 1500, 128), (1472, 1500, 1500), (1473, 1500, 1521), (3000, 1500, 3068)],
)
def test_datagram_has_headers_and_travels_in_fragments(payload: int, mtu: int, wire: int) -> None:
    assert datagram(payload, mtu) == Flow(payload, 1, wire)


def test_snapshot_tells_all_and_since_tells_the_rest() -> None:
    meter = Meter()
    assert (meter.snapshot().first, meter.snapshot().span) == (None, 0.0)
    meter.sent(UP, 1.0, Flow(100, 1, 128))
    meter.arrived(1.5)
    before = meter.snapshot()
    assert (before.payload, before.packets, before.wire, before.first, before.last) == (100, 1, 128, 1.0, 1.5)
    meter.sent(UP, 10.0, Flow(10, 1, 38))
    meter.sent(DOWN, 12.0, Flow(20, 2, 76))
    meter.lost(DOWN)
    meter.arrived(13.0)
    phase = meter.since(before)
    assert (phase.up, phase.down) == (Flow(10, 1, 38), Flow(20, 2, 76, lost=1))
    assert (phase.first, phase.last, phase.span) == (10.0, 13.0, 3.0)
    assert meter.snapshot().up == Flow(110, 2, 166)


def test_phases_may_overlap() -> None:
    meter = Meter()
    whole = meter.snapshot()
    meter.sent(UP, 1.0, Flow(1, 1, 29))
    second = meter.snapshot()
    same = meter.snapshot()
    meter.sent(UP, 2.0, Flow(1, 1, 29))
    assert [meter.since(phase).first for phase in (whole, second, same)] == [1.0, 2.0, 2.0]
    idle = meter.since(meter.snapshot())
    assert (idle.packets, idle.first, idle.last, idle.span) == (0, None, None, 0.0)


def test_round_trip_is_an_answer_to_something() -> None:
    meter = Meter()
    for heading in (DOWN, UP, UP, DOWN, DOWN, UP, DOWN):
        meter.sent(heading, 0.0, Flow(1, 1, 29))
    # An acknowledgement answers nothing.
    meter.sent(UP, 0.0, Flow(0, 1, 52))
    meter.sent(DOWN, 0.0, Flow(1, 1, 29))
    assert meter.snapshot().round_trips == 2


def test_reset_begins_anew() -> None:
    meter = Meter()
    meter.connected(1.0)
    meter.was_reset()
    meter.sent(UP, 1.0, Flow(1, 1, 29))
    meter.reset()
    assert meter.snapshot() == Meter().snapshot()


class Wire:
    """A connection whose segments arrive at once."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.estimate = SegmentEstimate(Meters(self.meter), self.clock)

    def write(self, heading: Heading, payload: int) -> None:
        number = segments(payload, 1500)
        self.estimate.sent(heading, payload, number)
        self.estimate.arrived(heading, number)

    @property
    def packets(self) -> tuple[int, int]:
        taken = self.meter.snapshot()
        return taken.up.packets, taken.down.packets


def test_full_segments_carry_1448_bytes() -> None:
    assert [segments(size, 1500) for size in (1, 1448, 1449, 2896, 14480)] == [1, 1, 2, 2, 10]


def test_handshake_is_three_segments_and_a_round_trip() -> None:
    wire = Wire()
    wire.estimate.syn(UP)
    taken = wire.meter.snapshot()
    assert (taken.up, taken.down) == (Flow(0, 2, SYN_SIZE + OVERHEAD), Flow(0, 1, SYN_SIZE))
    assert (taken.connections, taken.round_trips) == (1, 1)
    wire.estimate.syn(UP, lost=2)
    taken = wire.meter.snapshot()
    assert (taken.up.packets, taken.up.lost) == (6, 2)


def test_quick_answer_carries_the_acknowledgement() -> None:
    wire = Wire()
    wire.write(UP, 200)
    wire.clock.advance(DELAYED_ACK / 2)
    wire.write(DOWN, 300)
    assert wire.packets == (1, 1)
    # The answer is acknowledged for itself.
    wire.clock.advance(DELAYED_ACK)
    assert wire.packets == (2, 1)
    taken = wire.meter.snapshot()
    assert (taken.up.wire, taken.down.wire) == (200 + 2 * OVERHEAD, 300 + OVERHEAD)


def test_late_answer_does_not() -> None:
    wire = Wire()
    wire.write(UP, 200)
    wire.clock.advance(DELAYED_ACK)
    wire.write(DOWN, 300)
    assert wire.packets == (1, 2)


def test_every_second_segment_is_acknowledged() -> None:
    wire = Wire()
    wire.write(DOWN, 10 * 1448)
    assert wire.packets == (5, 10)
    wire.write(DOWN, 1)
    wire.write(DOWN, 1)
    assert wire.packets == (6, 12)


def test_owed_acknowledgement_can_be_settled_and_is_counted_once() -> None:
    wire = Wire()
    wire.write(DOWN, 100)
    assert wire.packets == (0, 1)
    wire.estimate.settle()
    assert wire.packets == (1, 1)
    wire.clock.advance(1.0)
    assert wire.packets == (1, 1)


def test_orderly_end_is_three_segments_when_both_end_at_once() -> None:
    wire = Wire()
    for heading in (UP, DOWN):
        wire.estimate.fin(heading)
        wire.estimate.fin_arrived(heading)
    wire.estimate.settle()
    assert wire.packets == (2, 1)


def test_reset_is_one_segment_and_nothing_is_owed_after_it() -> None:
    wire = Wire()
    wire.write(UP, 10)
    wire.estimate.reset(DOWN)
    wire.clock.advance(1.0)
    assert wire.packets == (1, 1)
    assert wire.meter.snapshot().down.wire == 40


def test_acknowledgements_take_no_time() -> None:
    wire = Wire()
    wire.write(DOWN, 100)
    wire.clock.advance(5.0)
    assert wire.packets == (1, 1)
    assert wire.meter.snapshot().span == 0.0
