"""Notifications through the eIM."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.codec.notification import NotificationEvent, PendingNotification
from ipad.errors import HttpStatusError, NetworkError
from ipad.policy.limits import HOUR
from ipad.procedures.notification import deliver_notifications
from tests.fakes.card_state import notification
from tests.fakes.packages import eim_configuration
from tests.fakes.values import ICCID1
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio

REFUSED = HttpStatusError("HTTP status 500", status=500, transient=True)
EIM = eim_configuration()


async def bench_with(*numbers: int) -> Bench:
    bench = Bench()
    for number in numbers:
        bench.card.notifications[number] = notification(number, NotificationEvent.NOTIFICATION_ENABLE, ICCID1)
    await bench.start()
    return bench


async def test_in_the_order_of_their_numbers_and_removed_after_acceptance() -> None:
    bench = await bench_with(30, 9, 12)
    report = await deliver_notifications(bench.ipa, EIM)
    assert report.sent == (9, 12, 30)
    assert bench.euicc.removed == [9, 12, 30]
    assert report.waiting == 0


async def test_unreachable_eim_ends_the_delivery_and_keeps_all() -> None:
    bench = await bench_with(9, 10)
    bench.eim.notification_errors = [NetworkError("reset", layer="tcp")]
    report = await deliver_notifications(bench.ipa, EIM)
    assert report.network_error is not None
    assert report.waiting == 2
    assert not bench.euicc.removed
    assert not bench.ipa.journal.content.postponed


async def test_back_off_grows_to_a_day_and_survives_a_restart() -> None:
    bench = await bench_with(9)
    pauses = []
    for _ in range(8):
        bench.eim.notification_errors = [REFUSED]
        assert (await deliver_notifications(bench.ipa, EIM)).refused == (9,)
        (postponed,) = bench.ipa.journal.content.postponed.values()
        pauses.append((postponed.not_before - bench.clock.now) / HOUR)
        bench.restart()
        await bench.start()
        assert (await deliver_notifications(bench.ipa, EIM)).waiting == 1
        bench.clock.now = postponed.not_before
    assert pauses == [1, 2, 4, 8, 16, 24, 24, 24]
    assert len(bench.eim.story) == 8


async def test_entry_of_a_notification_that_is_gone_is_forgotten() -> None:
    bench = await bench_with(9)
    bench.eim.notification_errors = [REFUSED]
    await deliver_notifications(bench.ipa, EIM)
    bench.card.notifications.clear()
    await deliver_notifications(bench.ipa, EIM)
    assert not bench.ipa.journal.content.postponed


async def test_clock_that_was_set_back_does_not_postpone_for_years() -> None:
    bench = await bench_with(9)
    bench.eim.notification_errors = [REFUSED]
    await deliver_notifications(bench.ipa, EIM)
    bench.clock.now = 0.0
    assert (await deliver_notifications(bench.ipa, EIM)).sent == (9,)


async def test_named_ones_are_sent_whether_due_or_not() -> None:
    bench = await bench_with(9, 10)
    bench.eim.notification_errors = [REFUSED, REFUSED]
    await deliver_notifications(bench.ipa, EIM)
    assert (await deliver_notifications(bench.ipa, EIM, only=(10,))).sent == (10,)
    assert list(bench.card.notifications) == [9]


async def test_entry_without_a_readable_number_is_skipped_and_deletes_nothing() -> None:
    bench = await bench_with(9)
    bench.card.notifications[0] = PendingNotification.decode(bytes.fromhex("3003020100"))
    bench.card.notifications[1] = PendingNotification.decode(bytes.fromhex("BF6F00"))
    report = await deliver_notifications(bench.ipa, EIM)
    assert report.sent == (9,)
    assert list(bench.card.notifications) == [0, 1]
    assert bench.euicc.removed == [9]


async def test_change_of_the_eims_makes_refused_ones_due() -> None:
    bench = await bench_with(9)
    bench.eim.notification_errors = [REFUSED]
    await bench.run()
    assert bench.ipa.journal.content.postponed
    entry = bench.card.eims["eim.example.com"]
    entry.configuration = replace(entry.configuration, association_token=9)
    await bench.run()
    assert not bench.card.notifications


async def test_an_idle_delivery_writes_nothing() -> None:
    bench = await bench_with()
    saves = bench.store.saves
    await deliver_notifications(bench.ipa, EIM)
    assert bench.store.saves == saves
