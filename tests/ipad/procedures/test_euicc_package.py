"""Execution and delivery of one eUICC Package when card, journal or bearer misbehave."""

from __future__ import annotations

import pytest

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import EimPackageResultErrorCode, ProvideEimPackageResult
from ipad.codec.euicc_package import Disable, Eco, Enable, EuiccPackageResult, Psmo
from ipad.codec.notification import NotificationEvent, PendingNotification
from ipad.codec.profile import ProfileInfoListRequest
from ipad.errors import CardError, CodecError, NetworkError, StateError, StatusWordError
from ipad.ids import Iccid
from ipad.procedures.report import Handover, Outcome
from ipad.state.journal import Step
from tests.fakes.card_state import CardEim, card_state
from tests.fakes.eim import EimServer, epr_of, result_numbers
from tests.fakes.packages import eim_configuration, euicc_package
from tests.fakes.values import ICCID1, ICCID2
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio

LIST = Psmo(list_profile_info=ProfileInfoListRequest())


def enable(iccid: Iccid, *, rollback: bool = False) -> Psmo:
    return Psmo(enable=Enable(iccid=iccid.octets, rollback_flag=rollback))


def error_code(message: bytes) -> EimPackageResultErrorCode | None:
    error = ProvideEimPackageResult.decode(message).eim_package_result.eim_package_result_response_error
    return None if error is None else error.eim_package_result_error_code


@pytest.mark.parametrize(
    "failure", [CardError("gone"), CodecError("no TLV"), StatusWordError("refused", sw=0x6F00)], ids=repr
)
async def test_lost_answer_of_an_executed_package_is_found_among_the_stored_results(failure: Exception) -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    bench.euicc.lose_answer["load_euicc_package"] = failure  # type: ignore[assignment]
    report = await bench.run()
    assert bench.euicc.log.count("reset") == 1
    assert len(bench.card.executed) == 1
    assert report.packages[0].result is not None
    assert report.packages[0].handover is Handover.ACKNOWLEDGED


async def test_package_that_never_reached_the_card_is_reported_as_undefined_error() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    bench.euicc.fail["load_euicc_package"] = CardError("gone")
    report = await bench.run()
    assert not bench.card.executed
    assert [error_code(message) for message in bench.eim.results] == [EimPackageResultErrorCode.UNDEFINED_ERROR]
    assert report.packages[0].error_code == EimPackageResultErrorCode.UNDEFINED_ERROR


@pytest.mark.parametrize(
    ("psmo", "proven", "anew"),
    [(LIST, True, False), (LIST, False, True), (Psmo(disable=Disable(iccid=ICCID1.octets)), True, True)],
)
async def test_enabled_profile_is_read_anew_before_a_switch_and_of_a_card_that_did_not_answer_yet(
    psmo: Psmo, proven: bool, anew: bool
) -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(psmo, counter=5))
    await bench.start()
    forgotten: list[object] = []
    bench.euicc.forget = forgotten.append  # type: ignore[method-assign, assignment]
    bench.euicc.proven = proven
    await bench.run()
    assert forgotten == ([(0xBF2D,)] if anew else [])


async def test_card_that_is_gone_leaves_the_marker_for_the_next_run() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    bench.euicc.lose_answer["load_euicc_package"] = CardError("gone")
    bench.euicc.fail["reset"] = CardError("still gone")
    with pytest.raises(CardError, match="still gone"):
        await bench.run()
    marker = bench.ipa.journal.content.marker
    assert marker is not None
    assert marker.step is Step.LOADING
    report = await bench.run()
    assert report.recovered[0].result is not None
    assert len(bench.eim.results) == 1


@pytest.mark.parametrize(("sw", "known"), [(0x6985, True), (0x6F00, True), (0x6D00, False), (0x6A88, False)])
async def test_refusal_to_list_results_is_no_proof_that_there_is_none(sw: int, known: bool) -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    bench.euicc.lose_answer["load_euicc_package"] = CardError("gone")
    retrieve = bench.euicc.retrieve_notifications_list
    refusals = [StatusWordError("refused", sw=sw), StatusWordError("refused", sw=sw)]

    async def refuse(*args: object) -> object:
        if refusals:
            raise refusals.pop()
        return await retrieve(*args)  # type: ignore[arg-type]

    bench.euicc.retrieve_notifications_list = refuse  # type: ignore[method-assign, assignment]
    if known:
        with pytest.raises(StatusWordError):
            await bench.run()
        assert not bench.eim.results
        await bench.run()
        assert epr_of(bench.eim.results[0]) is not None
    else:
        await bench.run()
        assert error_code(bench.eim.results[0]) == EimPackageResultErrorCode.UNDEFINED_ERROR


async def test_package_is_not_given_to_the_card_when_the_journal_cannot_be_written() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    await bench.start()
    bench.store.room = 0
    with pytest.raises(StateError):
        await bench.run()
    assert "load_euicc_package" not in bench.euicc.log


async def test_card_that_refuses_everything_after_an_enable_is_reset_and_the_result_stands() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(enable(ICCID1), counter=5))
    bench.euicc.fail["retrieve_notifications_list"] = StatusWordError("refused", sw=0x6985)
    report = await bench.run()
    assert bench.euicc.log.count("reset") == 1
    assert result_numbers(bench.eim.results[0]) == (7, 8, 9)
    assert report.outcome is Outcome.DONE


async def test_result_goes_without_notifications_when_the_card_does_not_give_them() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(enable(ICCID1), counter=5))
    bench.euicc.fail["retrieve_notifications_list"] = CodecError("no TLV")
    await bench.run()
    assert result_numbers(bench.eim.results[0]) == (7,)
    assert len(bench.eim.notifications) == 2


async def test_unreachable_eim_without_rollback_flag_keeps_the_result_and_the_new_profile() -> None:
    bench = Bench()
    reachable = False
    bench.eim.reachable = lambda: reachable or bench.card.enabled != ICCID1
    bench.eim.offer(euicc_package(enable(ICCID1), counter=5))
    report = await bench.run()
    assert report.undelivered == 1
    assert report.outcome is Outcome.RETRY_LATER
    assert "profile_rollback" not in bench.euicc.log
    assert bench.card.enabled == ICCID1
    bench.restart()
    reachable = True
    await bench.run()
    assert len(set(bench.eim.results)) == len(bench.eim.results) == 1
    assert not bench.card.results


async def test_kept_result_of_one_eim_survives_the_package_of_another() -> None:
    bench = Bench(card=card_state("eim.example.com", "eim2.example.com"))
    first, second = bench.servers.values()
    up = True
    first.reachable = lambda: up
    provide = first.provide

    def vanish(request: ProvideEimPackageResult) -> object:
        nonlocal up
        up = False
        raise NetworkError("connection reset", layer="tcp")

    first.provide = vanish  # type: ignore[method-assign, assignment]
    first.offer(euicc_package(LIST, counter=5))
    second.offer(euicc_package(LIST, counter=5, eim_id="eim2.example.com"))
    await bench.run()
    assert [item.eim_id for item in bench.ipa.journal.content.undelivered] == ["eim.example.com"]
    assert len(second.results) == 1
    first.provide = provide  # type: ignore[method-assign]
    up = True
    await bench.run()
    assert len(first.results) == 1
    assert not bench.ipa.journal.content.undelivered


async def test_result_of_an_update_goes_to_the_old_address_first_and_then_to_the_new_one() -> None:
    bench = Bench()
    moved = EimServer("eim.example.com")
    bench.servers["moved.example.com"] = moved
    bench.eim.offer(euicc_package(Eco(update_eim=eim_configuration(fqdn="moved.example.com")), counter=5))
    bench.eim.reachable = lambda: not bench.card.executed
    await bench.run()
    assert bench.connector.connections[0] == "eim.example.com"
    assert len(moved.results) == 1
    assert len(moved.requests) == 1


async def test_result_of_an_update_stays_with_the_old_address_while_it_answers() -> None:
    bench = Bench()
    moved = EimServer("eim.example.com")
    bench.servers["moved.example.com"] = moved
    bench.eim.offer(euicc_package(Eco(update_eim=eim_configuration(fqdn="moved.example.com")), counter=5))
    await bench.run()
    assert len(bench.eim.results) == 1
    assert not moved.results
    assert len(moved.requests) == 1


async def test_notifications_of_other_causes_go_with_the_result_and_damaged_ones_stay() -> None:
    bench = Bench()
    bench.card.add_notification(NotificationEvent.NOTIFICATION_DISABLE, ICCID2)
    damaged = PendingNotification.decode(bytes.fromhex("3003020100"))
    assert damaged.unknown is not None
    bench.card.notifications[50] = damaged
    bench.eim.offer(euicc_package(enable(ICCID1), counter=5))
    await bench.run()
    assert result_numbers(bench.eim.results[0]) == (8, 7, 9, 10)
    assert list(bench.card.notifications) == [50]


async def test_undecodable_result_is_passed_on_as_it_is() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(LIST, counter=5))
    odd = bytes.fromhex("BF5104A0023000")

    async def answer(request: object) -> EuiccPackageResult:
        return EuiccPackageResult.decode(odd)

    bench.euicc.load_euicc_package = answer  # type: ignore[method-assign, assignment]
    bench.limits = bench.limits.__class__(packages_per_run=1)
    await bench.run()
    assert bench.eim.story[1].endswith(odd)


async def test_disable_without_another_profile_tries_whatever_bearer_there_is() -> None:
    bench = Bench()
    bench.eim.offer(euicc_package(Psmo(disable=Disable(iccid=ICCID2.octets)), counter=5))
    await bench.run()
    assert bench.connectivity.waits == []
    assert bench.connectivity.recovered == [None]
    assert result_numbers(bench.eim.results[0]) == (7, 8)


async def test_package_that_names_another_eim_is_answered_where_it_came_from() -> None:
    card = card_state()
    card.eims["eim2.example.com"] = CardEim(eim_configuration("eim2.example.com", fqdn="eim.example.com"), 4)
    bench = Bench(card=card, servers={"eim.example.com": EimServer("eim.example.com")})
    bench.eim.offer(euicc_package(LIST, counter=5, eim_id="eim2.example.com"))
    report = await bench.run()
    assert report.eims[0].packages[0].eim_id == "eim.example.com"
    assert len(bench.eim.results) == 1
    assert isinstance(bench.started.eims[0], EimConfigurationData)
