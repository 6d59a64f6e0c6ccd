"""Power cuts at every step of a download: before and after each call of a port, and at each block of the package.

After each cut card and agent start from what they have stored. Then must hold, wherever it was: there is a whole
profile or none, the eIM was told which of the two, the SM-DP+ of a direct download has the eUICC's result if there is
one, and nothing is left over on card and in journal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hil.pki import Pki
from ipad.card.isdr import IsdrSession
from ipad.codec.esipa import ProvideEimPackageResult
from ipad.es10.euicc import Euicc
from tests.fakes.power import Fuse, PowerCut
from tests.ipad.procedures.download_bench import (
    DEFAULT_SMDP,
    ICCID,
    CardLink,
    DownloadBench,
    code_data,
    make_order,
)

SetUp = Callable[[DownloadBench], Awaitable[None]]


async def direct(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    await world.associate(relays=False)
    world.eim.offer(code_data())


async def relayed(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order())
    await world.associate(relays=True)
    world.eim.offer(code_data())


async def immediate(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order("", eid=world.card.eid))
    euicc = Euicc(IsdrSession(CardLink(world.card)))
    await euicc.configure_immediate_profile_enabling(immediate_enable_flag=True)
    world.card.reset()
    await world.associate(relays=False)
    world.eim.offer(DEFAULT_SMDP)


async def cancelled(world: DownloadBench) -> None:
    world.smdp.orders.add(make_order(iccid=world.card.profiles[1].iccid))
    await world.associate(relays=True)
    world.eim.offer(code_data())


async def settle(world: DownloadBench) -> None:
    """Run until nothing is left to do."""
    for _ in range(4):
        await world.run()
        world.clock.now += 7200
    assert world.eim.queue == []


async def check(world: DownloadBench) -> None:
    told = {installed(message) for message in world.eim.results}
    assert len(told) == 1, "the eIM must be told, and the same each time"
    assert told == {ICCID in world.iccids()}
    assert len(world.iccids()) == 4 + (ICCID in world.iccids())
    assert await world.pending_results() == 0
    content = world.ipa.journal.content
    assert (content.download, content.undelivered, content.direct_results) == (None, (), ())
    if ICCID in world.iccids():
        assert any(report.reason is None and report.verified for report in world.smdp.reports)


def installed(message: bytes) -> bool:
    result = ProvideEimPackageResult.decode(message).eim_package_result.profile_download_trigger_result
    assert result is not None
    pir = result.profile_download_trigger_result_data.profile_installation_result
    return pir is not None and pir.profile_installation_result_data.final_result.success_result is not None


def cut_while_loading(world: DownloadBench, block: int) -> None:
    """The power goes at a block of the package, counted from 1."""

    def loading(package: bytes) -> bytes:
        world.link.count_from_here()
        world.link.power_cut_at = block
        return package

    world.tamper(loading)


async def interrupted(pki: Pki, folder: Path) -> DownloadBench:
    """A direct download that has ended in the middle of its package."""
    world = DownloadBench(pki, folder)
    await direct(world)
    await world.start()
    cut_while_loading(world, 8)
    with pytest.raises(PowerCut):
        await world.run()
    return world


class Worlds:
    """A fresh world for each cut."""

    def __init__(self, pki: Pki, folder: Path) -> None:
        self.pki = pki
        self.folder = folder

    async def each(self, set_up: SetUp) -> AsyncIterator[DownloadBench]:
        number = 0
        while True:
            number += 1
            world = DownloadBench(self.pki, self.folder / str(number))
            await set_up(world)
            yield world


@pytest.mark.asyncio
@pytest.mark.parametrize("set_up", [direct, relayed, immediate, cancelled])
async def test_power_cut_at_every_call_of_a_port(pki: Pki, tmp_path: Path, set_up: SetUp) -> None:
    cut_at = 0
    async for world in Worlds(pki, tmp_path).each(set_up):
        cut_at += 1
        world.fuse = Fuse(blow_at=cut_at)
        try:
            await world.run()
        except PowerCut:
            world.fuse = None
            world.reopen_card()
        else:
            break
        await settle(world)
        await check(world)
    assert cut_at > 40


@pytest.mark.asyncio
@pytest.mark.parametrize("set_up", [direct, relayed])
async def test_power_cut_at_every_block_of_the_package(pki: Pki, tmp_path: Path, set_up: SetUp) -> None:
    cut_at = own_results = 0
    async for world in Worlds(pki, tmp_path).each(set_up):
        cut_at += 1
        await world.start()
        cut_while_loading(world, cut_at)
        try:
            await world.run()
        except PowerCut:
            world.tamper(lambda package: package)
            world.reopen_card()
        else:
            break
        await settle(world)
        await check(world)
        own_results += all(b"\xbf\x37" in message for message in world.eim.results)
    assert cut_at > 15
    assert own_results > cut_at - 6, "from ConfigureISDP on the eUICC has a result of its own"


@pytest.mark.asyncio
async def test_crash_of_the_agent_alone_while_loading(pki: Pki, tmp_path: Path) -> None:
    """The card keeps its power and waits in the middle of a package; only a reset makes it give its result."""
    world = await interrupted(pki, tmp_path)
    del world.ipa
    await settle(world)
    await check(world)
    assert world.smdp.reports[-1].reason == 11


@pytest.mark.asyncio
async def test_crash_of_the_agent_alone_leaves_no_session_on_the_card(pki: Pki, tmp_path: Path) -> None:
    """Before loading has begun the card has no result to give, and would keep keys of a session that nobody ends."""
    crash_at = open_sessions = 0
    async for world in Worlds(pki, tmp_path).each(direct):
        crash_at += 1
        world.fuse = Fuse(blow_at=crash_at)
        try:
            await world.run()
        except PowerCut:
            world.fuse = None
            open_sessions += world.card.engine.session.prepared is not None
            if hasattr(world, "ipa"):
                del world.ipa
        else:
            break
        await settle(world)
        await check(world)
        session = world.card.engine.session
        assert (session.server, session.prepared, session.loader) == (None, None, None)
    assert open_sessions > 3


@pytest.mark.asyncio
async def test_result_waits_for_the_bearer_that_the_reset_of_the_card_took(pki: Pki, tmp_path: Path) -> None:
    world = await interrupted(pki, tmp_path)
    await world.start()
    seen: list[tuple[str | None, float, int]] = []

    async def wait(before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        seen.append((before, timeout, len(world.eim.results)))
        assert world.ipa.journal.content.undelivered, "what is known is durable before anything is waited for"
        return True

    world.bearer.wait_new_session = wait  # type: ignore[method-assign]
    await world.run()
    assert seen == [("session-1", world.ipa.timers.first_session, 0)]
    assert len(world.eim.results) == 1
