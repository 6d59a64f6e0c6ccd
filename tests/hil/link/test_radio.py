from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hil.link import PRESETS, LinkProfile, Way, preset
from hil.link.meter import Heading
from hil.link.nat import Mapping
from hil.link.radio import Channel, Radio


def channel(way: Way, queue: int = 10_000, seed: int = 1) -> Channel:
    return Channel(random.Random(seed), way, queue)


def test_wire_takes_no_time() -> None:
    wire = channel(Way())
    assert [wire.send(now, 1500) for now in (0.0, 1.0, 1.0)] == [0.0, 1.0, 1.0]
    assert wire.room_in(1.0, 1 << 30) == 0.0


def test_packets_leave_one_after_the_other_at_the_rate() -> None:
    slow = channel(Way(delay=0.5, rate=8000))
    assert slow.send(0.0, 1000) == 1.5
    assert slow.send(0.0, 500) == 2.0
    assert slow.waiting(0.5) == 1000
    assert slow.send(10.0, 1000) == 11.5


def test_jitter_comes_on_top_and_keeps_the_order() -> None:
    shaky = channel(Way(delay=1.0, jitter=1.0))
    arrivals = [shaky.send(0.0, 100) for _ in range(50)]
    assert arrivals == sorted(arrivals)
    assert 1.0 <= arrivals[0] < arrivals[-1] <= 2.0
    again = channel(Way(delay=1.0, jitter=1.0))
    assert [again.send(0.0, 100) for _ in range(50)] == arrivals


def test_room_is_told_by_the_rate() -> None:
    slow = channel(Way(rate=8000), queue=3000)
    assert slow.room_in(0.0, 3000) == 0.0
    slow.send(0.0, 2500)
    assert slow.room_in(0.0, 500) == 0.0
    assert slow.room_in(0.0, 1500) == pytest.approx(1.0)
    # What exceeds the queue waits until it is empty, not for ever.
    assert slow.room_in(0.0, 9000) == pytest.approx(2.5)


def test_profile_may_change_while_packets_wait() -> None:
    radio = Radio(LinkProfile(up=Way(rate=8000)), random.Random(1))
    up = radio.channel(Heading.UP)
    assert up.send(0.0, 1000) == 1.0
    radio.profile = LinkProfile(up=Way(delay=0.25))
    # Nothing overtakes what was sent before.
    assert up.send(0.5, 1000) == 1.0
    assert up.send(1.0, 1000) == 1.25
    assert radio.channel(Heading.DOWN).send(0.0, 1000) == 0.0


def test_cleared_radio_begins_empty() -> None:
    radio = Radio(LinkProfile(up=Way(rate=8000)), random.Random(1))
    up = radio.channel(Heading.UP)
    up.send(0.0, 5000)
    radio.clear(1.0)
    assert up.waiting(1.0) == 0.0
    assert up.send(1.0, 1000) == 2.0


def test_what_never_happens_leaves_the_generator_alone() -> None:
    chance = random.Random(1)
    before = chance.getstate()
    assert not Channel(chance, Way(), 1500).happens(0.0)
    assert chance.getstate() == before


def test_mapping_lives_while_it_is_used() -> None:
    mapping = Mapping(0.0)
    assert [mapping.passes(now, 30.0) for now in (20.0, 45.0, 75.0, 105.1, 106.0)] == [True, True, True, False, False]
    forgotten = Mapping(0.0)
    assert forgotten.passes(1e9, None)
    forgotten.forget()
    assert not forgotten.passes(1e9, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"delay": -0.1},
        {"delay": 61.0},
        {"jitter": -1.0},
        {"rate": -1.0},
        {"rate": float("inf")},
        {"rate": float("nan")},
        {"loss": 1.1},
        {"reorder": -0.1},
        {"duplicate": 2.0},
    ],
)
def test_impossible_way_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        Way(**changes)


@pytest.mark.parametrize("changes", [{"mtu": 100}, {"queue": 1000}, {"nat_udp": 0.0}, {"nat_tcp": -1.0}])
def test_impossible_profile_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        replace(LinkProfile(), **changes)  # type: ignore[arg-type]


def test_presets_are_ordered_as_the_radios_are() -> None:
    assert set(PRESETS) == {"none", "nb-iot", "lte-m", "cat4", "satellite", "gsm"}
    assert preset("none") == LinkProfile()
    rates = [preset(name).down.rate for name in ("nb-iot", "gsm", "lte-m", "satellite", "cat4")]
    assert rates == sorted(rates)
    trips = [preset(name).round_trip for name in ("none", "cat4", "lte-m", "satellite", "gsm", "nb-iot")]
    assert trips == sorted(trips)
    with pytest.raises(ValueError, match="no preset '5g'"):
        preset("5g")
