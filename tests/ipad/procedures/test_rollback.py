"""Profile rollback when the eUICC is slow, busy or silent."""

from __future__ import annotations

import pytest

from ipad.codec.esipa import EimPackageResultErrorCode, ProvideEimPackageResult
from ipad.codec.euicc_package import CmdResult, Enable, ProfileRollbackResponse, Psmo
from ipad.errors import CardError
from ipad.policy.events import Outcome as Action
from ipad.procedures.euicc_package import settle
from ipad.procedures.package_facts import result_facts
from ipad.procedures.report import Outcome
from ipad.procedures.rollback import roll_back
from ipad.state.journal import Step
from tests.fakes.eim import epr_of
from tests.fakes.packages import euicc_package
from tests.fakes.values import ICCID1, ICCID2
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio


def unreachable_bench() -> Bench:
    bench = Bench()
    bench.eim.reachable = lambda: bench.card.enabled != ICCID1
    bench.eim.offer(euicc_package(Psmo(enable=Enable(iccid=ICCID1.octets, rollback_flag=True)), counter=5))
    return bench


async def test_lost_answer_is_found_on_the_card() -> None:
    bench = unreachable_bench()
    bench.euicc.lose_answer["profile_rollback"] = CardError("gone")
    report = await bench.run()
    epr = epr_of(bench.eim.results[0])
    assert epr is not None
    assert result_facts(epr).rolled_back
    assert bench.euicc.log.count("profile_rollback") == 1
    assert report.packages[0].rolled_back
    assert bench.card.enabled == ICCID2


async def test_call_that_never_reached_the_card_is_repeated_once() -> None:
    bench = unreachable_bench()
    bench.euicc.fail["profile_rollback"] = CardError("gone")
    await bench.run()
    assert bench.euicc.log.count("profile_rollback") == 2
    assert bench.card.enabled == ICCID2


async def test_euicc_that_stays_busy_blocks_further_packages_until_it_answers() -> None:
    bench = unreachable_bench()
    bench.euicc.rollback_answers = [CmdResult.CAT_BUSY] * 2
    report = await bench.run()
    assert report.outcome is Outcome.RETRY_LATER
    assert report.packages[0].blocked
    assert bench.clock.slept == []
    marker = bench.ipa.journal.content.marker
    assert marker is not None
    assert marker.step is Step.RESULT
    assert marker.rollback_flag
    polls = len(bench.eim.requests)
    await bench.run()
    assert len(bench.eim.requests) == polls
    third = await bench.run()
    assert third.packages[0].rolled_back
    assert bench.card.enabled == ICCID2
    assert not bench.card.results


async def test_rollback_does_not_wait_for_a_full_disk() -> None:
    bench = unreachable_bench()
    await bench.start()
    await bench.run_once()
    bench.store.room = 0
    assert await roll_back(bench.ipa) is Action.DONE
    assert bench.card.enabled == ICCID2
    bench.restart()
    bench.store.room = None
    await bench.run()
    epr = epr_of(bench.eim.results[0])
    assert epr is not None
    assert result_facts(epr).rolled_back
    assert len(bench.eim.results) == 1


async def test_package_whose_result_could_not_be_written_is_rolled_back_all_the_same() -> None:
    bench = unreachable_bench()
    await bench.start()
    bench.store.room = 1
    report = await bench.run_once()
    assert report.on_trial
    assert await roll_back(bench.ipa) is Action.DONE
    assert bench.card.enabled == ICCID2
    bench.restart()
    bench.store.room = None
    await bench.run()
    assert len(bench.eim.results) == 1
    assert bench.card.enabled == ICCID2
    assert not bench.card.results


async def test_rollback_of_a_package_that_the_journal_has_forgotten_is_delivered_from_the_card() -> None:
    bench = unreachable_bench()
    await bench.run_once()
    await bench.ipa.journal.set_marker(None)
    assert await roll_back(bench.ipa, ICCID2) is Action.DONE
    assert bench.card.enabled == ICCID2
    await bench.run()
    told = [result_facts(epr) for message in bench.eim.results if (epr := epr_of(message)) is not None]
    assert [facts.rolled_back for facts in told if facts.accepted] == [True]


async def test_refused_rollback_lets_the_result_go_when_it_can() -> None:
    bench = unreachable_bench()
    bench.euicc.rollback_answers = [CmdResult.ROLLBACK_NOT_ALLOWED]
    await bench.run_once()
    assert await roll_back(bench.ipa) is Action.REFUSED
    assert bench.ipa.journal.content.marker is None
    assert len(bench.ipa.journal.content.undelivered) == 1


async def test_settled_trial_cannot_be_rolled_back_any_more() -> None:
    bench = unreachable_bench()
    await bench.run_once()
    await settle(bench.ipa)
    assert bench.ipa.journal.content.marker is None
    assert len(bench.ipa.journal.content.undelivered) == 1


async def test_missing_new_result_becomes_undefined_error_and_never_the_old_one() -> None:
    bench = unreachable_bench()
    rollback = bench.euicc.profile_rollback

    async def without_result(refresh_flag: bool) -> ProfileRollbackResponse:
        await rollback(refresh_flag)
        bench.card.results.clear()
        return ProfileRollbackResponse(cmd_result=CmdResult.OK)

    bench.euicc.profile_rollback = without_result  # type: ignore[method-assign]
    await bench.run()
    error = ProvideEimPackageResult.decode(bench.eim.results[0]).eim_package_result.eim_package_result_response_error
    assert error is not None
    assert error.eim_package_result_error_code == EimPackageResultErrorCode.UNDEFINED_ERROR
    assert len(bench.eim.results) == 1


async def test_still_unreachable_after_the_rollback_keeps_the_new_result() -> None:
    bench = unreachable_bench()
    up = False
    bench.eim.reachable = lambda: up or not bench.card.executed
    report = await bench.run()
    assert report.undelivered == 1
    assert bench.card.enabled == ICCID2
    up = True
    await bench.run()
    assert bench.euicc.log.count("profile_rollback") == 1
    epr = epr_of(bench.eim.results[0])
    assert epr is not None
    assert result_facts(epr).rolled_back
    assert len(bench.eim.results) == 1
