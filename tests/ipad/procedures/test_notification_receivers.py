"""Notifications that the IPA itself brings to their receivers over ES9+."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hil.rsp import status
from ipad.procedures.notification_receivers import deliver_to_receivers
from ipad.state.journal import Postponed
from tests.ipad.procedures.download_bench import SMDP, DownloadBench, code_data, lost, make_order


async def installed(world: DownloadBench, *, relays: bool = False) -> None:
    """A profile was installed while the SM-DP+ takes no notification, and the eIM no result of the eUICC."""
    world.smdp.orders.add(make_order())
    await world.associate(relays=relays)
    world.eim.offer(code_data())
    await world.start()


@pytest.mark.asyncio
async def test_result_of_a_direct_download_is_owed_until_the_sm_dp_takes_it(world: DownloadBench) -> None:
    await installed(world)
    world.network.lose["handleNotification"] = [lost()] * 2
    await world.run()
    assert await world.pending_results() == 1
    assert len(world.ipa.journal.content.direct_results) == 1
    assert len(world.eim.results) == 1
    assert not any(item.startswith(b"\xbf\x37") for item in world.eim.notifications)
    report = await world.run()
    assert len(report.receivers.sent) == 1
    assert await world.pending_results() == 0
    assert world.ipa.journal.content.direct_results == ()
    assert sum(item.startswith(b"\xbf\x37") for item in world.smdp.notifications) == 1


@pytest.mark.asyncio
async def test_result_at_hand_is_not_asked_of_the_card(world: DownloadBench) -> None:
    """Nor are the back-offs of other notifications lost, for which the list of the card would be needed."""
    await installed(world)
    world.network.lose["handleNotification"] = [lost()] * 2
    await world.run()
    euicc, journal = world.ipa.euicc, world.ipa.journal
    pending = (await euicc.retrieve_notifications_list()).notification_list or ()
    (result,) = [found for item in pending if (found := item.profile_installation_result) is not None]
    kept = {bytes(16): Postponed(refusals=1, not_before=int(world.clock.time()) + 60)}
    await journal.commit(replace(journal.content, postponed=kept))

    async def retrieve(*_: Any) -> Any:
        raise AssertionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(euicc, "retrieve_notifications_list", retrieve)
        report = await deliver_to_receivers(world.ipa, only_owed=True, at_hand=result)
    assert len(report.sent) == 1
    assert (journal.content.postponed, journal.content.direct_results) == (kept, ())
    assert await world.pending_results() == 0
    assert [item for item in world.smdp.notifications if item.startswith(b"\xbf\x37")] == [result.encode()]


@pytest.mark.asyncio
async def test_list_of_the_card_is_read_where_more_is_owed_than_the_result_at_hand(world: DownloadBench) -> None:
    await installed(world)
    world.network.lose["handleNotification"] = [lost()] * 2
    await world.run()
    euicc, journal = world.ipa.euicc, world.ipa.journal
    pending = (await euicc.retrieve_notifications_list()).notification_list or ()
    (result,) = [found for item in pending if (found := item.profile_installation_result) is not None]
    owed = (*journal.content.direct_results, 999)
    await journal.commit(replace(journal.content, direct_results=owed))
    await deliver_to_receivers(world.ipa, only_owed=True, at_hand=result)
    assert journal.content.direct_results == (), "what is not on the card any more is owed to nobody"


@pytest.mark.asyncio
async def test_debt_survives_a_restart(world: DownloadBench) -> None:
    await installed(world)
    world.network.lose["handleNotification"] = [lost()] * 2
    await world.run()
    world.reopen_card()
    assert len((await world.run()).receivers.sent) == 1


@pytest.mark.asyncio
async def test_refused_result_waits_for_its_back_off(world: DownloadBench) -> None:
    await installed(world)
    world.network.refuse["handleNotification"] = status.MALFORMED
    world.network.http_status["handleNotification"] = 200
    await world.run()
    calls = world.network.calls.count("handleNotification")
    await world.run()
    assert world.network.calls.count("handleNotification") == calls
    world.network.refuse.clear()
    world.network.http_status.clear()
    world.clock.now += 3601
    assert len((await world.run()).receivers.sent) == 1


@pytest.mark.asyncio
async def test_other_notifications_go_through_an_eim_that_is_reached(world: DownloadBench) -> None:
    await installed(world)
    await world.run()
    assert len(world.eim.notifications) == 1
    assert world.network.calls.count("handleNotification") == 1
    assert await world.pending() == ()


@pytest.mark.asyncio
async def test_other_notifications_go_directly_when_no_eim_is_reached(world: DownloadBench) -> None:
    await installed(world, relays=True)
    report = await world.run()
    assert report.receivers.sent == ()
    world.smdp.orders.add(make_order("TEST-2", iccid="8988123456789012352"))
    world.eim.offer(code_data(f"1${SMDP}$TEST-2"), b"\x01\x02")
    world.eim.lose[0xBF3D] = [lost()] * 9
    report = await world.run()
    assert len(report.receivers.sent) == 1
    assert await world.pending() == ()


@pytest.mark.asyncio
async def test_nothing_goes_directly_without_trusted_servers(world: DownloadBench) -> None:
    await installed(world)
    await world.run()
    ipa = replace(world.ipa, rsp=None)
    assert (await deliver_to_receivers(ipa, only_owed=False)).sent == ()


@pytest.mark.asyncio
async def test_relayed_result_that_was_not_acknowledged_follows_through_the_eim(world: DownloadBench) -> None:
    await installed(world, relays=True)
    world.eim.lose[0xBF50] = [lost()] * 2
    first = await world.run()
    assert first.undelivered == 1
    assert await world.pending_results() == 1
    await world.run()
    assert await world.pending_results() == 0
    brought = [body for function, body in world.network.requests if function == "handleNotification"]
    assert not any(b"vzeB" in body for body in brought)
