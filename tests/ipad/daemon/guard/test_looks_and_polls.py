"""A look through the layers costs a handshake: none is made while a poll is about to tell the same."""

from __future__ import annotations

import pytest

from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.ward import Sight
from ipad.policy.decisions import Probe
from ipad.policy.events import Origin, PollDone, ProfileChanged
from ipad.policy.settings import PollSettings
from tests.ipad.daemon.fakes import ICCID, FakeAgent, HeldClock
from tests.ipad.daemon.guard.test_guard import NEW, radio_guard
from tests.waiting import turns


class WatchedAgent(FakeAgent):
    """Counts how often it is asked for a look."""

    looks = 0

    async def look_through(self, session: str | None) -> Sight:
        self.looks += 1
        return await super().look_through(session)


async def looks_during_and_after(guard: Guard, *, answered: bool) -> list[int]:
    agent, seen = WatchedAgent(), []
    async with guard.looking_after(agent):
        with guard.contacting():
            guard._decided(Probe(reason="test"))
            await turns()
            seen.append(agent.looks)
            if answered:
                guard.feed(PollDone(eim_id="eim.example.com", session="1"))
        await turns()
        seen.append(agent.looks)
    return seen


@pytest.mark.asyncio
@pytest.mark.parametrize(("answered", "looks"), [(True, [0, 0]), (False, [0, 1])])
async def test_look_waits_for_the_poll_and_is_made_only_if_that_told_nothing(answered: bool, looks: list[int]) -> None:
    assert await looks_during_and_after(radio_guard(), answered=answered) == looks


@pytest.mark.asyncio
async def test_profile_on_trial_is_looked_through_at_once() -> None:
    guard = radio_guard()
    guard.feed(ProfileChanged(origin=Origin.PACKAGE, iccid=NEW, previous=ICCID, rollback=True))
    assert await looks_during_and_after(guard, answered=False) == [1, 1]


class Patience(HeldClock):
    """Time stands still but for one wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.ends = seconds

    async def sleep(self, seconds: float) -> None:
        if seconds != self.ends:
            await super().sleep(seconds)


@pytest.mark.asyncio
async def test_poll_that_hangs_over_a_dead_path_holds_no_look_back_for_long() -> None:
    guard = radio_guard(Patience(PollSettings().probe_retry))
    assert await looks_during_and_after(guard, answered=False) == [1, 1]
