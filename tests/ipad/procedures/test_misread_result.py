"""Results that were misread on their way out of the eUICC, and eIMs that do not acknowledge."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ipad.codec.esipa import ProvideEimPackageResult, ProvideEimPackageResultError
from ipad.codec.euicc_package import Enable, EuiccPackageRequest, EuiccPackageResult, Psmo
from ipad.codec.profile import ProfileInfoListRequest
from ipad.errors import CardError, CodecError, NetworkError, StatusWordError
from ipad.procedures.misread_result import genuine_result
from ipad.procedures.report import Handover
from tests.fakes.eim import epr_of
from tests.fakes.packages import euicc_package
from tests.fakes.power import Fuse, PowerCut
from tests.fakes.values import ICCID1
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio

LIST = euicc_package(Psmo(list_profile_info=ProfileInfoListRequest()), counter=5)
SWITCH = euicc_package(Psmo(enable=Enable(iccid=ICCID1.octets, rollback_flag=True)), counter=5)
NUMBER, SIGNATURE, TRANSACTION, COUNTER = b"\x83\x01\x07", b"\xde\xad", b"eim.exam-5", b"\x81\x01\x05"
LISTS = "retrieve_notifications_list"
BOTH = pytest.mark.parametrize("package", [LIST, SWITCH], ids=["list", "switch"])


class Site:
    """A card behind a line that changes a bit, and an eIM that acknowledges what is genuine."""

    def __init__(self, *where: bytes, bench: Bench | None = None) -> None:
        self.bench = bench or Bench()
        self.where = where[0] if where else b""
        self.made: set[bytes] = set()
        self.misread_again = False
        self.acknowledges = True
        self._load, self._list = self.bench.euicc.load_euicc_package, self.bench.euicc.retrieve_notifications_list
        self.bench.euicc.load_euicc_package = self.load  # type: ignore[method-assign]
        self.bench.euicc.retrieve_notifications_list = self.retrieve  # type: ignore[method-assign, assignment]
        self._provide = self.bench.eim.provide
        self.bench.eim.provide = self.provide  # type: ignore[method-assign]

    async def load(self, request: EuiccPackageRequest) -> EuiccPackageResult:
        result = await self._load(request)
        self.made.add(result.encode())
        return EuiccPackageResult.decode(self.changed(result.encode())) if self.where else result

    def changed(self, data: bytes) -> bytes:
        """With one bit fallen over in the last byte of what `where` names."""
        assert self.where in data
        position = data.rindex(self.where) + len(self.where) - 1
        return data[:position] + bytes([data[position] ^ 0x04]) + data[position + 1 :]

    async def retrieve(self, criteria: Any = None) -> Any:
        answer = await self._list(criteria)
        if self.misread_again and answer.euicc_package_result_list:
            self.misread_again = False
            self.where = SIGNATURE
            misread = EuiccPackageResult.decode(self.changed(answer.euicc_package_result_list[0].encode()))
            return type(answer)(euicc_package_result_list=(misread,))
        return answer

    def provide(self, request: ProvideEimPackageResult) -> Any:
        result = epr_of(request.encode())
        genuine = result is not None and result.encode() in self.made
        self.bench.eim.acknowledge = self.acknowledges and genuine
        return self._provide(request)

    @property
    def delivered(self) -> list[bool]:
        """Whether what came was genuine, one after the other."""
        results = [epr_of(message) for message in self.bench.eim.results]
        return [result is not None and result.encode() in self.made for result in results]

    @property
    def lists(self) -> int:
        return self.bench.euicc.log.count(LISTS)


@pytest.mark.parametrize("where", [SIGNATURE, NUMBER, TRANSACTION, COUNTER], ids=repr)
@BOTH
async def test_stored_result_follows_one_that_was_misread(package: EuiccPackageRequest, where: bytes) -> None:
    site = Site(where)
    site.bench.eim.offer(package)
    await site.bench.run()
    assert site.delivered == [False, True]
    assert not site.bench.card.results
    assert site.bench.ipa.journal.content.marker is None
    assert not site.bench.ipa.journal.content.undelivered
    assert len(site.bench.card.executed) == 1


async def test_eim_that_refuses_a_misread_result_gets_the_stored_one_and_it_is_reported() -> None:
    site = Site(SIGNATURE)
    site.bench.eim.offer(LIST)
    site.bench.eim.answers.append(bytes.fromhex("BF500302010F"))
    report = await site.bench.run()
    assert site.delivered == [False, True]
    assert report.packages[0].handover is Handover.ACKNOWLEDGED
    assert report.packages[0].result is not None
    assert report.packages[0].result.encode() in site.made


@pytest.mark.parametrize("refusal", [None, ProvideEimPackageResultError.UNDEFINED_ERROR])
@BOTH
async def test_eim_that_never_acknowledges_costs_one_list_and_no_message(
    package: EuiccPackageRequest, refusal: ProvideEimPackageResultError | None
) -> None:
    lists, messages = [], []
    for acknowledges in (True, False):
        site = Site()
        site.acknowledges = acknowledges
        site.bench.eim.refusal = None if acknowledges else refusal
        site.bench.eim.offer(package)
        await site.bench.run()
        site.bench.eim.refusal = None
        await site.bench.run_once()
        lists.append(site.lists)
        messages.append(len(site.bench.eim.results))
    assert messages == [1, 1]
    assert lists[1] - lists[0] <= 1


async def test_error_result_is_compared_with_nothing() -> None:
    site = Site()
    site.bench.eim.offer(euicc_package(Psmo(list_profile_info=ProfileInfoListRequest()), counter=3))
    await site.bench.run()
    assert site.bench.euicc.log.index("load_euicc_package")
    before = site.bench.euicc.log[: site.bench.euicc.log.index("load_euicc_package")].count(LISTS)
    assert site.lists - before <= 2  # the stored results of before, and the notifications: those of any run
    assert len(site.bench.eim.results) == 1


async def test_misreading_of_the_stored_result_is_not_delivered_after_a_genuine_one() -> None:
    site = Site()
    site.acknowledges = False
    site.misread_again = True
    site.bench.eim.offer(LIST)
    await site.bench.run()
    assert site.delivered == [True]


async def test_stored_result_that_the_eim_does_not_acknowledge_either_is_sent_once() -> None:
    site = Site(SIGNATURE)
    site.acknowledges = False
    site.bench.eim.offer(LIST)
    await site.bench.run()
    await site.bench.run_once()
    await site.bench.run_once()
    assert site.delivered == [False, True]
    assert len(site.bench.card.results) == 1


@pytest.mark.parametrize(
    "error", [StatusWordError("refused", sw=0x6A88), CodecError("no TLV"), CardError("gone")], ids=repr
)
async def test_card_that_does_not_say_what_it_stored_ends_the_matter(error: CardError | CodecError) -> None:
    site = Site(SIGNATURE)
    site.bench.eim.offer(LIST)
    await site.bench.start()

    async def refuse(criteria: Any = None) -> Any:
        if criteria is not None and criteria.seq_number is not None:
            raise error
        return await site._list(criteria)

    site.bench.euicc.retrieve_notifications_list = refuse  # type: ignore[method-assign, assignment]
    await site.bench.run()
    assert site.delivered == [False]
    assert site.bench.ipa.journal.content.marker is None


async def test_owed_result_that_was_misread_is_corrected_as_well() -> None:
    site = Site(SIGNATURE)
    site.bench.eim.offer(LIST)
    provide = site.bench.eim.provide
    site.bench.eim.provide = lost  # type: ignore[method-assign, assignment]
    await site.bench.run()
    assert len(site.bench.ipa.journal.content.undelivered) == 1
    site.bench.eim.provide = provide  # type: ignore[method-assign]
    site.bench.restart()
    await site.bench.run()
    assert site.delivered == [False, True]
    assert not site.bench.card.results
    assert not site.bench.ipa.journal.content.undelivered


def lost(_request: object) -> object:
    raise NetworkError("reset", layer="tcp")


@BOTH
async def test_correction_that_does_not_arrive_is_owed(package: EuiccPackageRequest) -> None:
    site = Site(SIGNATURE)
    site.bench.eim.offer(package)
    provide, calls = site.bench.eim.provide, itertools.count(1)

    def second_is_lost(request: ProvideEimPackageResult) -> Any:
        return lost(request) if next(calls) == 2 else provide(request)

    site.bench.eim.provide = second_is_lost  # type: ignore[method-assign]
    await site.bench.run()
    assert [item.result in site.made for item in site.bench.ipa.journal.content.undelivered] == [True]
    await site.bench.run_once()
    assert site.delivered == [False, True]
    assert not site.bench.card.results
    assert site.bench.card.enabled == (ICCID1 if package is SWITCH else site.bench.card.enabled)


@BOTH
async def test_power_cut_at_any_step_of_a_correction_loses_nothing(package: EuiccPackageRequest) -> None:
    count = Fuse()
    await tell(package, count)
    assert count.passed > 20
    for blow_at in range(1, count.passed + 1):
        site = await tell(package, Fuse(blow_at=blow_at))
        assert len(site.bench.card.executed) <= 1, blow_at
        # What never reached the card is told as an error.
        assert site.delivered[-1:] == [bool(site.bench.card.executed)], blow_at
        # Nothing that is not genuine comes after what is.
        assert site.delivered == sorted(site.delivered), blow_at
        assert not site.bench.card.results, blow_at
        assert site.bench.ipa.journal.content.marker is None, blow_at


async def tell(package: EuiccPackageRequest, fuse: Fuse) -> Site:
    """A package whose result is misread, with a power cut, until everything is quiet."""
    site = Site(SIGNATURE)
    site.bench.eim.offer(package)
    try:
        await site.bench.start(fuse)
        await site.bench.run()
    except PowerCut:
        site.bench.restart()
    fuse.blow_at = None
    for _ in range(3):
        await site.bench.run()
    return site


async def test_result_of_a_rollback_is_another_result_and_corrects_nothing() -> None:
    site = Site()
    site.bench.eim.offer(SWITCH)
    await site.bench.run_once()
    marker = site.bench.ipa.journal.content.marker
    assert marker is not None
    assert marker.result is not None
    await site.bench.euicc.profile_rollback(True)
    assert await genuine_result(site.bench.ipa, marker.result, ()) is None
