"""Profile rollback when the eUICC is slow, busy or silent."""

from __future__ import annotations

import pytest

from ipad.codec.esipa import EimPackageResultErrorCode, ProvideEimPackageResult
from ipad.codec.euicc_package import CmdResult, Enable, ProfileRollbackResponse, Psmo
from ipad.errors import CardError
from ipad.procedures.package_facts import result_facts
from ipad.procedures.report import Outcome
from ipad.state.journal import Step
from tests.fakes import ICCID1, ICCID2, epr_of, euicc_package
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


async def test_busy_euicc_is_asked_again_after_pauses() -> None:
    bench = unreachable_bench()
    bench.euicc.rollback_answers = [CmdResult.CAT_BUSY, CmdResult.CAT_BUSY]
    await bench.run()
    assert bench.clock.slept == [10, 30, 90, 5, 15]
    assert bench.card.enabled == ICCID2


async def test_euicc_that_stays_busy_blocks_further_packages_until_it_answers() -> None:
    bench = unreachable_bench()
    bench.euicc.rollback_answers = [CmdResult.CAT_BUSY] * 4
    report = await bench.run()
    assert report.outcome is Outcome.RETRY_LATER
    assert report.packages[0].blocked
    marker = bench.ipa.journal.content.marker
    assert marker is not None
    assert marker.step is Step.RESULT
    assert marker.rollback_flag
    second = await bench.run()
    assert second.packages[0].rolled_back
    assert bench.card.enabled == ICCID2
    assert not bench.card.results


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
