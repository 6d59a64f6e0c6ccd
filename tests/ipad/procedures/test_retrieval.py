"""The retrieval loop over several eIMs."""

from __future__ import annotations

import pytest

from ipad.codec.esipa import (
    EimPackageError,
    EimPackageResultErrorCode,
    GetEimPackageRequest,
    GetEimPackageResponse,
    ProvideEimPackageResult,
)
from ipad.codec.euicc_package import DeleteEim, Eco, Enable, Psmo
from ipad.codec.notification import NotificationEvent
from ipad.codec.profile import ProfileInfoListRequest
from ipad.errors import CardError, ExchangeError, HttpStatusError, ModemError, NetworkError
from ipad.policy.limits import Limits
from ipad.procedures.report import Outcome, PackageKind
from ipad.procedures.retrieval import run
from tests.fakes.card_state import card_state, notification
from tests.fakes.eim import FakeEim
from tests.fakes.packages import euicc_package
from tests.fakes.values import ICCID1
from tests.ipad.procedures.bench import Bench
from tests.vectors.sgp32 import MESSAGES

pytestmark = pytest.mark.asyncio

LIST = Psmo(list_profile_info=ProfileInfoListRequest())
TWO = ("eim.example.com", "eim2.example.com")


def error_of(message: bytes) -> tuple[bytes | None, int]:
    error = ProvideEimPackageResult.decode(message).eim_package_result.eim_package_result_response_error
    assert error is not None
    return error.eim_transaction_id, int(error.eim_package_result_error_code)


async def test_endless_eim_does_not_starve_another() -> None:
    bench = Bench(card=card_state(*TWO), limits=Limits(packages_per_run=3))
    first, second = bench.servers.values()
    for counter in range(5, 10):
        first.offer(euicc_package(LIST, counter=counter))
    report = await bench.run()
    assert len(report.eims[0].packages) == 3
    assert report.eims[0].more
    assert len(second.requests) == 1
    assert report.outcome is Outcome.RETRY_LATER
    assert (await bench.run()).outcome is Outcome.DONE
    assert (await bench.run()).outcome is Outcome.NOTHING_TO_DO


async def test_package_that_is_handed_out_again_and_again_ends_the_turn() -> None:
    bench = Bench(card=card_state(*TWO))
    first, second = bench.servers.values()
    for _ in range(16):
        first.offer(bytes.fromhex("BF6F00"))
    report = await bench.run()
    assert report.eims[0].repeating
    assert not report.eims[0].more
    assert len(report.eims[0].packages) == 2
    assert len(second.requests) == 1
    assert report.outcome is Outcome.RETRY_LATER


async def test_package_that_is_repeated_once_is_answered_twice() -> None:
    bench = Bench(card=card_state(TWO[0]))
    (eim,) = bench.servers.values()
    eim.offer(euicc_package(LIST, counter=5))
    eim.offer(euicc_package(LIST, counter=5))
    report = await bench.run()
    assert not report.eims[0].repeating
    assert len(report.eims[0].packages) == 2


async def test_unreachable_eim_does_not_stop_the_others() -> None:
    bench = Bench(card=card_state(*TWO))
    first, second = bench.servers.values()
    first.reachable = lambda: False
    second.offer(euicc_package(LIST, counter=5, eim_id=TWO[1]))
    report = await bench.run()
    assert report.eims[0].network_error is not None
    assert not report.eims[0].reached
    assert len(second.results) == 1
    assert report.outcome is Outcome.RETRY_LATER


async def test_after_a_failure_nothing_is_taken_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(card=card_state(*TWO))
    forgotten: list[bool] = []
    monkeypatch.setattr(type(bench.euicc), "forget", lambda _euicc: forgotten.append(True))
    await bench.run()
    assert forgotten == []
    next(iter(bench.servers.values())).reachable = lambda: False
    await bench.run()
    assert forgotten == [True]


@pytest.mark.parametrize(
    ("package", "txid", "code"),
    [
        ("BF6F00", None, EimPackageResultErrorCode.UNKNOWN_PACKAGE),
        ("BF510100", None, EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT),
        ("BF5106300482020102", b"\x01\x02", EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT),
        ("BF520483020102", b"\x01\x02", EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT),
        ("BF54028200", None, EimPackageResultErrorCode.INVALID_PACKAGE_FORMAT),
        ("BF5404A0028300", None, EimPackageResultErrorCode.UNKNOWN_PACKAGE),
    ],
)
async def test_packages_that_cannot_be_processed_are_answered(
    package: str, txid: bytes | None, code: EimPackageResultErrorCode
) -> None:
    bench = Bench()
    bench.eim.offer(bytes.fromhex(package))
    report = await bench.run()
    assert error_of(bench.eim.results[0]) == (txid, code)
    assert report.packages[0].error_code == code
    assert not bench.ipa.journal.content.undelivered


async def test_error_code_that_cannot_be_read_is_a_failed_exchange() -> None:
    bench = Bench()
    bench.eim.queue.append(bytes.fromhex("BF4F020200"))
    report = await bench.run()
    assert isinstance(report.eims[0].network_error, ExchangeError)
    assert not bench.eim.results


async def test_download_trigger_is_answered_as_not_supported() -> None:
    bench = Bench()
    bench.eim.queue.append(MESSAGES["GER8"])
    report = await bench.run()
    assert error_of(bench.eim.results[0]) == (bytes.fromhex("A1A2A3A4"), EimPackageResultErrorCode.UNKNOWN_PACKAGE)
    assert report.packages[0].kind is PackageKind.PROFILE_DOWNLOAD_TRIGGER


async def test_unstored_answer_is_owed_until_it_is_delivered() -> None:
    bench = Bench()
    up = True
    bench.eim.reachable = lambda: up
    get = bench.eim.get

    def vanish(request: GetEimPackageRequest) -> GetEimPackageResponse:
        nonlocal up
        up = False
        return get(request)

    bench.eim.get = vanish  # type: ignore[method-assign]
    bench.eim.offer(bytes.fromhex("BF6F00"))
    report = await bench.run()
    assert report.undelivered == 1
    bench.restart()
    bench.eim.get = get  # type: ignore[method-assign]
    up = True
    report = await bench.run()
    assert report.packages[0].kind is PackageKind.STORED_RESULT
    assert len(bench.eim.results) == 1
    assert report.undelivered == 0


@pytest.mark.parametrize(
    ("error", "notified"),
    [
        (EimPackageError.EID_NOT_FOUND, False),
        (EimPackageError.INVALID_EID, False),
        (EimPackageError.UNDEFINED_ERROR, True),
    ],
)
async def test_errors_end_the_turn(error: EimPackageError, notified: bool) -> None:
    bench = Bench()
    bench.card.notifications[9] = notification(9, NotificationEvent.NOTIFICATION_ENABLE, ICCID1)
    bench.eim.queue.append(GetEimPackageResponse(eim_package_error=error).encode())
    report = await bench.run()
    assert report.eims[0].eim_error == error
    assert bool(bench.eim.notifications) is notified
    assert len(bench.eim.requests) == 1


async def test_network_is_told_when_known_and_a_silent_modem_does_not_stop_the_poll() -> None:
    bench = Bench()
    bench.register("310260")
    await bench.run()
    assert bench.eim.requests[0].r_plmn == bytes.fromhex("130062")

    async def fail() -> None:
        raise ModemError("+CME ERROR: 100")

    bench.connectivity.registered_plmn = fail  # type: ignore[method-assign, assignment]
    await bench.run()
    assert bench.eim.requests[1].r_plmn is None


async def test_flag_is_kept_until_a_request_with_it_was_answered() -> None:
    bench = Bench(card=card_state(*TWO))
    first, second = bench.servers.values()
    second.reachable = lambda: False
    first.offer(euicc_package(Psmo(unknown=bytes.fromhex("BF6F00")), LIST, counter=5))
    await bench.run()
    assert not bench.ipa.journal.content.notify, "nothing was changed"
    first.offer(euicc_package(Psmo(enable=Enable(iccid=ICCID1.octets)), counter=6))
    await bench.run()
    assert set(bench.ipa.journal.content.notify) == {TWO[1]}
    bench.restart()
    second.reachable = lambda: True
    await bench.run()
    assert second.requests[0].notify_state_change
    assert not bench.ipa.journal.content.notify


async def test_stored_results_are_pushed_once_per_start() -> None:
    bench = Bench()
    bench.eim.acknowledge = False
    bench.eim.offer(euicc_package(LIST, counter=5))
    await bench.run()
    await bench.run()
    assert len(bench.eim.results) == 1
    bench.restart()
    await bench.run()
    await bench.run()
    assert len(bench.eim.results) == 2
    assert len(set(bench.eim.results)) == 1
    bench.restart()
    bench.eim.acknowledge = True
    report = await bench.run()
    assert report.packages[0].kind is PackageKind.STORED_RESULT
    assert not bench.card.results


async def test_result_that_an_eim_never_takes_does_not_keep_it_from_being_polled() -> None:
    bench = Bench()
    provide = bench.eim.provide

    def refuse(request: ProvideEimPackageResult) -> object:
        raise HttpStatusError("HTTP status 400", status=400, transient=False)

    bench.eim.provide = refuse  # type: ignore[method-assign, assignment]
    bench.eim.offer(euicc_package(LIST, counter=5))
    assert (await bench.run()).undelivered == 1
    bench.eim.queue.clear()
    for _ in range(2):
        bench.restart()
        asked = len(bench.eim.requests)
        report = await bench.run()
        assert len(bench.eim.requests) == asked + 1
        assert report.undelivered == 1
    bench.eim.provide = provide  # type: ignore[method-assign]
    bench.restart()
    assert (await bench.run()).undelivered == 0
    assert not bench.card.results


async def test_only_named_eims_are_polled() -> None:
    bench = Bench(card=card_state(*TWO))
    await bench.start()
    report = await run(bench.ipa, only=(TWO[1],))
    assert [eim.eim_id for eim in report.eims] == [TWO[1]]


async def test_one_connection_serves_a_whole_run_and_is_closed_at_its_end() -> None:
    bench = Bench()
    connections: list[FakeEim] = []

    def keep(eim: FakeEim) -> FakeEim:
        connections.append(eim)
        return eim

    await bench.start()
    bench.connector.wrap = keep
    for counter in (5, 6):
        bench.eim.offer(euicc_package(LIST, counter=counter))
    await bench.run()
    assert len(connections) == 1
    assert connections[0].closed


async def test_connection_is_closed_when_the_card_fails() -> None:
    bench = Bench()
    closed: list[FakeEim] = []
    await bench.start()
    bench.connector.wrap = lambda eim: closed.append(eim) or eim
    bench.eim.offer(euicc_package(LIST, counter=5))
    bench.euicc.fail["get_profiles_info"] = CardError("gone")
    with pytest.raises(CardError):
        await bench.run()
    assert closed[0].closed


async def test_failed_exchange_is_followed_by_a_new_connection() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    provide = bench.eim.provide
    failures = [NetworkError("reset", layer="tcp")]

    def once(request: ProvideEimPackageResult) -> object:
        if failures:
            raise failures.pop()
        return provide(request)

    bench.eim.provide = once  # type: ignore[method-assign, assignment]
    report = await bench.run()
    assert bench.clock.slept == [10]
    assert bench.connector.connections == ["eim.example.com"] * 2
    assert report.outcome is Outcome.DONE


async def test_time_is_saved_once_a_day_as_a_lower_bound() -> None:
    bench = Bench()
    await bench.run()
    assert bench.ipa.journal.content.time_floor == bench.clock.now
    saves = bench.store.saves
    bench.clock.now += 3600
    await bench.run()
    assert bench.store.saves == saves
    bench.clock.now = 0.0
    await bench.run()
    assert bench.ipa.wall_time() == 1_800_000_000
    bench.clock.now = 1_800_000_000 + 86400.0
    await bench.run()
    assert bench.store.saves == saves + 1


async def test_result_for_an_eim_that_is_gone_is_tried_but_is_no_reason_to_retry() -> None:
    bench = Bench()
    bench.eim.reachable = lambda: not bench.card.executed
    bench.eim.offer(euicc_package(Eco(delete_eim=DeleteEim(eim_id="eim.example.com")), counter=5))
    assert (await bench.run()).outcome is Outcome.RETRY_LATER
    report = await bench.run()
    assert (report.orphaned, report.outcome) == (1, Outcome.NOTHING_TO_DO)
    bench.eim.reachable = lambda: True
    report = await bench.run()
    assert (report.orphaned, report.outcome) == (0, Outcome.DONE)
    assert not bench.card.results


async def test_run_without_a_bearer_of_the_modem_does_not_wait_for_one() -> None:
    bench = Bench()
    bench.connectivity.service = lambda _: False
    report = await bench.run()
    assert bench.connectivity.waits == []
    assert bench.clock.slept == []
    assert report.eims[0].reached
