from __future__ import annotations

import pytest

from hil.clock import ManualClock
from hil.link import Link, LinkProfile, Passage, Way


async def started(clock: ManualClock) -> Link:
    link = Link(clock)
    for name in ("one", "two"):
        link.tcp_door(name, port=9).start()
    link.udp_door("three", port=9).start()
    return link


async def stop(link: Link) -> None:
    for door in link.doors:
        await door.stop()


def opened(link: Link) -> set[bool]:
    return {door.is_open for door in link.doors}


@pytest.mark.asyncio
async def test_doors_follow_bearer_and_cut() -> None:
    link = await started(ManualClock())
    assert opened(link) == {True}
    link.bearer = Passage.SHUT
    assert opened(link) == {False}
    link.cut(Passage.SILENT)
    link.bearer = Passage.OPEN
    assert (link.passage, link.interruption, opened(link)) == (Passage.SILENT, Passage.SILENT, {False})
    link.bearer = Passage.SHUT
    assert link.passage is Passage.SHUT
    link.restore()
    assert opened(link) == {False}
    link.bearer = Passage.OPEN
    assert opened(link) == {True}
    await stop(link)


@pytest.mark.asyncio
async def test_cut_ends_by_itself_and_a_new_one_replaces_it() -> None:
    clock = ManualClock()
    link = await started(clock)
    link.cut(seconds=5.0)
    clock.advance(4.0)
    assert opened(link) == {False}
    clock.advance(1.0)
    assert opened(link) == {True}
    link.cut(seconds=5.0)
    clock.advance(3.0)
    link.cut(Passage.SILENT, seconds=5.0)
    clock.advance(4.0)
    assert link.interruption is Passage.SILENT
    clock.advance(1.0)
    assert opened(link) == {True}
    link.cut(seconds=1.0)
    link.cut()
    clock.advance(100.0)
    assert opened(link) == {False}
    await stop(link)


@pytest.mark.asyncio
async def test_door_that_starts_later_follows_too() -> None:
    link = Link(ManualClock())
    early = link.tcp_door("early", port=9)
    link.bearer = Passage.SHUT
    late = link.udp_door("late", port=9)
    for door in (early, late):
        door.start()
    assert opened(link) == {False}
    link.bearer = Passage.OPEN
    assert opened(link) == {True}
    await stop(link)


@pytest.mark.asyncio
async def test_name_of_a_door_is_its_own() -> None:
    link = Link(ManualClock())
    link.tcp_door("eim", port=9)
    with pytest.raises(ValueError, match="'eim'"):
        link.udp_door("eim", port=9)


def test_profile_may_be_exchanged() -> None:
    link = Link(ManualClock())
    assert link.profile == LinkProfile()
    link.profile = LinkProfile(up=Way(delay=1.0))
    assert link.profile.round_trip == 1.0


@pytest.mark.asyncio
async def test_traffic_is_told_by_door_and_can_be_reset() -> None:
    clock = ManualClock()
    link = await started(clock)
    door = link.udp_door("four", port=9)
    before = link.snapshot()
    clock.advance(1.0)
    door.up.take(b"hello", lambda _data: None)
    assert {name: traffic.up.packets for name, traffic in link.traffic().items()} == {
        "one": 0,
        "two": 0,
        "three": 0,
        "four": 1,
    }
    phase = link.since(before)
    assert (phase.up.payload, phase.up.wire, phase.first) == (5, 33, 1.0)
    link.reset()
    assert link.snapshot().packets == 0
    assert link.traffic()["four"].packets == 0
    await stop(link)
