"""One visit: rounds, verdict, exit code."""

import pytest

from ipad.daemon.once import Verdict, judge, poll_until_idle
from ipad.errors import ExitCode, NetworkError, NotFoundError, PortError, TlsTrustError
from ipad.procedures.report import EimReport, Handover, PackageKind, PackageReport, RunReport
from tests.ipad.daemon.fakes import FakeAgent, make_guard

DONE = PackageReport(kind=PackageKind.EUICC_PACKAGE, handover=Handover.ACKNOWLEDGED, eim_id="eim1")
IDLE = RunReport(eims=(EimReport(eim_id="eim1"),))
DOWN = NetworkError("no route to host", layer="tcp")


async def visit(agent: FakeAgent, only: str | None = None) -> Verdict:
    guard = make_guard()
    async with guard.running():
        return await poll_until_idle(agent, guard, only)


@pytest.mark.asyncio
async def test_eim_with_more_is_asked_until_it_has_nothing() -> None:
    more = RunReport(eims=(EimReport(eim_id="eim1", packages=(DONE,), more=True), EimReport(eim_id="eim2")))
    agent = FakeAgent(eims=("eim1", "eim2"), answers=[more, IDLE])
    verdict = await visit(agent)
    assert agent.log == ["start", "poll eim1 eim2", "poll eim1"]
    assert (verdict.exit_code, verdict.message) == (ExitCode.OK, "1 package(s) processed")


@pytest.mark.asyncio
async def test_endless_queue_ends_with_try_again() -> None:
    more = RunReport(eims=(EimReport(eim_id="eim1", packages=(DONE,), more=True),))
    agent = FakeAgent(answers=[more] * 64)
    verdict = await visit(agent)
    assert verdict.exit_code is ExitCode.TRY_AGAIN
    assert agent.log.count("poll eim1") == 64


@pytest.mark.asyncio
async def test_nothing_to_poll_is_no_failure() -> None:
    verdict = await visit(FakeAgent(eims=()))
    assert (verdict.exit_code, verdict.message) == (ExitCode.OK, "no eIM can be polled")


@pytest.mark.asyncio
async def test_one_eim_can_be_chosen() -> None:
    agent = FakeAgent(eims=("eim1", "eim2"), answers=[IDLE])
    await visit(agent, "eim1")
    assert agent.log == ["start", "poll eim1"]
    with pytest.raises(NotFoundError):
        await visit(FakeAgent(), "nobody")


@pytest.mark.asyncio
async def test_failure_of_the_card_is_not_hidden() -> None:
    with pytest.raises(PortError):
        await visit(FakeAgent(answers=[PortError("gone")]))


def test_idle_run_is_a_success() -> None:
    assert judge([IDLE]).message == "nothing was queued"
    assert judge([IDLE]).exit_code is ExitCode.OK


def test_passing_failure_asks_to_try_again() -> None:
    verdict = judge([RunReport(eims=(EimReport(eim_id="eim1", network_error=DOWN),))])
    assert verdict.exit_code is ExitCode.TRY_AGAIN
    assert verdict.message == "nothing was queued; eIM eim1: no route to host"


def test_lasting_failure_keeps_its_own_code() -> None:
    wrong = EimReport(eim_id="eim2", network_error=TlsTrustError("wrong key"))
    verdict = judge([RunReport(eims=(EimReport(eim_id="eim1", network_error=DOWN), wrong))])
    assert verdict.exit_code is ExitCode.NETWORK
    assert "eIM eim1: no route to host; eIM eim2: wrong key" in verdict.message


def test_result_that_is_still_owed_asks_to_try_again() -> None:
    verdict = judge([RunReport(eims=(EimReport(eim_id="eim1"),), undelivered=2)])
    assert verdict.exit_code is ExitCode.TRY_AGAIN
    assert verdict.message.endswith("2 result(s) could not be delivered yet")


def test_suspended_run_says_why() -> None:
    assert judge([RunReport(suspended="the emergency profile is enabled")]).message == (
        "nothing was queued; suspended: the emergency profile is enabled"
    )


def test_failure_in_an_earlier_round_counts() -> None:
    verdict = judge([RunReport(eims=(EimReport(eim_id="eim2", network_error=DOWN),)), IDLE])
    assert verdict.exit_code is ExitCode.TRY_AGAIN
    assert verdict.message.endswith("no route to host")
