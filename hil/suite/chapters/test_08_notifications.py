"""Notifications (SGP.32 3.7): with results, by HandleNotification, acknowledged, refused, forwarded, removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.content import iccid_bytes
from hil.eim.notifications import read_notification
from hil.suite.abilities import Card, Eim, Gateway, PackageView, Smdp, Timeline
from hil.suite.chapters.downloads import download
from hil.suite.exchanges import es9, esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs
from hil.suite.waiting import until

pytestmark = needs("test-profile")

HANDLE = "HandleNotification"
Install = Callable[[int], list[str]]


@pytest.fixture(name="install")
def _install(eim: Eim, smdp: Smdp) -> Install:
    """Installs so many disposable profiles; their ICCIDs."""

    def install(count: int) -> list[str]:
        orders = [smdp.order() for _ in range(count)]
        for order in orders:
            assert download(eim, order).outcome is Outcome.OK
        return [order.iccid for order in orders]

    return install


def delete(eim: Eim, *iccids: str) -> PackageView:
    """One package that deletes profiles; each deletion makes a notification."""
    package = eim.run(content.psmo_package(*(content.delete(iccid) for iccid in iccids)))
    assert package.outcome is Outcome.OK
    return package


def deletions(eim: Eim) -> list[tuple[str, bool]]:
    """ICCID and verification of the delete notifications that were news to the eIM, in the order of arrival."""
    return [
        (record.details["iccid"], record.verified)
        for record in eim.records("notification")
        if record.news and record.details["operation"] == "delete"
    ]


def received(smdp: Smdp, iccid: str) -> list[bool]:
    """Whether each delete notification of a profile that the SM-DP+ got was genuine."""
    told = [item for item in smdp.reports()["notifications"] if item["iccid"] == iccid]
    return [item["verified"] for item in told if item["operation"] == "delete"]


def sent(timeline: Timeline) -> list[int]:
    """Sequence numbers of the delete notifications that went by HandleNotification."""
    messages = [tlv.single(item.request, 0xBF3D).value for item in esipa(timeline.events(), HANDLE)]
    arms = [tlv.first(message) for message in messages]
    pending = [read_notification(arm.value) for arm in arms if arm.tag == 0xA0]
    return [item.seq_number or 0 for item in pending if item.operation == "delete"]


@case("3.7", "5.14.6", "5.14.7", title="What a package does to profiles is told once, signed by the eUICC")
def test_deletion_is_told(eim: Eim, card: Card, install: Install) -> None:
    (iccid,) = install(1)
    delete(eim, iccid)
    assert deletions(eim) == [(iccid, True)]
    assert card.notifications() == []


@case("3.7", "SGP.22 3.5", title="The eIM's SM-DP+ gets the notification that the eUICC addressed to it")
def test_deletion_reaches_its_receiver(eim: Eim, smdp: Smdp, install: Install, limits: Limits) -> None:
    (iccid,) = install(1)
    delete(eim, iccid)
    until(lambda: bool(received(smdp, iccid)), limits.poll, "the notification arrives at its receiver")
    assert received(smdp, iccid) == [True]


@case("5.14.6", "3.7", title="A notification that the eIM does not acknowledge follows by HandleNotification")
def test_unacknowledged_notification_follows(eim: Eim, card: Card, timeline: Timeline, install: Install) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge="partial")
    delete(eim, iccid)
    assert deletions(eim) == [(iccid, True)]
    assert len(sent(timeline)) == 1
    assert card.notifications() == []


@pytest.mark.parametrize("acknowledge", ["none", "empty-list", "wrong"])
@case("5.14.6", "5.9.12", title="A result that was not acknowledged by its own number stays on the eUICC")
def test_result_stays_until_acknowledged(
    eim: Eim, card: Card, gateway: Gateway, install: Install, acknowledge: str
) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge=acknowledge)
    number = eim.queue(content.psmo_package(content.delete(iccid)))
    gateway.poll()
    assert eim.package(number).outcome is Outcome.OK
    kept = card.notifications()
    assert [item["type"] for item in kept] == ["package_result"]
    eim.knob(acknowledge="all")
    eim.run(content.data_request([0xA2]))
    assert card.notifications() == []


@case("5.14.6", "5.9.12", title="A number that is acknowledged twice is removed once, without an error")
def test_duplicate_acknowledgement(eim: Eim, card: Card, install: Install) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge="duplicate")
    package = delete(eim, iccid)
    assert package.handed_out == 1
    assert card.notifications() == []


@pytest.mark.parametrize("answer", ["no-content", "no-content-length", "empty-ok", "body-ok"])
@case("6.1.1", "5.14.7", title="HandleNotification is accepted with 204 as with 200, and then not repeated")
def test_acceptance(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline, install: Install, answer: str) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge="partial", notification_answer=answer)
    delete(eim, iccid)
    gateway.poll()
    assert len(sent(timeline)) == 1
    assert card.notifications() == []


@pytest.mark.parametrize("status", [400, 403, 500, 503])
@case("3.7", "5.14.7", title="A notification that the eIM refuses stays on the eUICC and is delivered later")
def test_refused_notification_is_kept(eim: Eim, card: Card, gateway: Gateway, install: Install, status: int) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge="partial")
    eim.fault("status", HANDLE, value=status, times=None)
    delete(eim, iccid)
    assert [(item["iccid"], item["event"]) for item in card.notifications()] == [(iccid, ["delete"])]
    eim.clear_faults()
    gateway.ipad("notification", "send")
    assert deletions(eim) == [(iccid, True)]
    assert card.notifications() == []


@case("3.7", title="A refused notification does not hold up the next one")
def test_refused_notification_lets_others_pass(eim: Eim, card: Card, gateway: Gateway, install: Install) -> None:
    first, second = install(2)
    eim.knob(acknowledge="partial")
    eim.fault("status", HANDLE, value=500, times=1)
    delete(eim, first, second)
    # The second one goes by HandleNotification whatever became of the first.
    assert (second, True) in deletions(eim) or (first, True) in deletions(eim)
    assert len(card.notifications()) == 1
    gateway.ipad("notification", "send")
    assert sorted(deletions(eim)) == sorted([(first, True), (second, True)])
    assert card.notifications() == []


@case("3.7", "SGP.22 3.5", title="Notifications go in the order of their sequence numbers")
def test_order(eim: Eim, timeline: Timeline, install: Install) -> None:
    iccids = install(3)
    eim.knob(acknowledge="partial")
    delete(eim, *iccids)
    numbers = sent(timeline)
    assert len(numbers) == len(iccids)
    assert numbers == sorted(numbers)
    assert [iccid for iccid, _ in deletions(eim)] == iccids


@case("3.7", "5.14.7", title="A notification whose acceptance got lost is sent again, the same to the last byte")
def test_lost_acceptance(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline, install: Install) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge="partial")
    eim.fault("drop-after", HANDLE)
    delete(eim, iccid)
    gateway.poll()
    gateway.ipad("notification", "send", code=None)
    assert deletions(eim) == [(iccid, True)]
    assert card.notifications() == []
    raw = [item.request for item in esipa(timeline.events(), HANDLE) if iccid_bytes(iccid) in item.request]
    assert len(set(raw[-2:])) == 1


@needs("kill")
@case("3.7", "3.8.2", title="A notification that waits is not forgotten when the IPA is started anew")
def test_restart(eim: Eim, smdp: Smdp, card: Card, gateway: Gateway, install: Install) -> None:
    (iccid,) = install(1)
    eim.knob(acknowledge="partial")
    eim.fault("drop-before", HANDLE, times=None)
    smdp.fault("drop-before", "handleNotification", times=None)
    delete(eim, iccid)
    assert len(card.notifications()) == 1
    gateway.kill()
    eim.clear_faults()
    smdp.clear_faults()
    gateway.start()
    gateway.poll()
    gateway.ipad("notification", "send", code=None)
    assert deletions(eim) == [(iccid, True)]
    assert card.notifications() == []


@case("3.7", title="A notification goes one way: to the eIM or to its receiver, not to both")
def test_one_way(eim: Eim, smdp: Smdp, timeline: Timeline, install: Install, limits: Limits) -> None:
    (iccid,) = install(1)
    delete(eim, iccid)
    until(lambda: bool(received(smdp, iccid)), limits.poll, "the notification arrives at its receiver")
    packed = iccid_bytes(iccid)
    given = [call.octets("pendingNotification") for call in es9(timeline.events(), "handleNotification")]
    told = [read_notification(pending) for pending in given if packed in pending]
    assert [item.operation for item in told].count("delete") == 1


@needs("second-profile")
@case("3.7", "3.4.1", title="A switch is told as disable of the old and enable of the new profile")
def test_switch(eim: Eim, card: Card, limits: Limits) -> None:
    old, new = card.enabled(), card.spare()
    package = eim.run(content.psmo_package(content.enable(new)), within=limits.switch)
    assert package.outcome is Outcome.OK
    told = [(item.details["operation"], item.details["iccid"]) for item in eim.records("notification") if item.news]
    assert told == [("disable", old), ("enable", new)]
    assert all(record.verified for record in eim.records("notification"))
    assert card.notifications() == []
