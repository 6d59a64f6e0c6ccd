"""The poll loop: schedule, failures, signals, clean stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

import pytest

from ipad.codec.esipa import EimPackageError
from ipad.codec.profile import ProfileInfoListError
from ipad.daemon.guard.guard import Guard
from ipad.daemon.guard.poll_plan import reschedule
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from ipad.errors import (
    CodecError,
    ConfigError,
    EuiccResultError,
    HttpStatusError,
    IpadError,
    NetworkError,
    NoEuiccError,
    PortError,
    StateError,
    UsageError,
)
from ipad.policy.events import Bearer, CardRead, Origin, ProfileChanged, Registration
from ipad.policy.limits import Timers
from ipad.policy.radio import RegistrationState
from ipad.policy.schedule import Schedule
from ipad.procedures.report import EimReport, RunReport
from tests.fakes.service_manager import RecordingManager
from tests.ipad.daemon.fakes import ICCID, Answer, FakeAgent, HeldClock, SwiftClock, make_guard
from tests.waiting import settled, turns

IDLE = RunReport(eims=(EimReport(eim_id="eim1", eim_error=EimPackageError.NO_EIM_PACKAGE_AVAILABLE),))
TIMERS = Timers(poll_interval=3600.0)
OTHER = "89490000000000000023"


def make(
    agent: FakeAgent,
    clock: SwiftClock,
    manager: ServiceManager | None = None,
    intervals: Mapping[str, float] | None = None,
    guard: Guard | None = None,
) -> Service:
    return Service(
        agent.opener(),
        Schedule(timers=TIMERS),
        clock,
        manager or RecordingManager(),
        guard or make_guard(),
        reconnect=5.0,
        intervals=intervals or {},
        chance=lambda: 0.0,
    )


async def serve(agent: FakeAgent, clock: SwiftClock, manager: ServiceManager | None = None, **options: object) -> None:
    service = make(agent, clock, manager, **options)  # type: ignore[arg-type]
    agent.when_exhausted = service.stop
    await asyncio.wait_for(service.run(), 5)


@pytest.mark.asyncio
async def test_idle_eim_is_polled_again_after_the_interval() -> None:
    agent, clock = FakeAgent(answers=[IDLE, IDLE]), SwiftClock()
    await serve(agent, clock)
    assert agent.log == ["open", "start", "poll eim1", "rest", "poll eim1", "rest", "poll eim1", "close"]
    assert clock.waits == [3600.0, 3600.0]


@pytest.mark.asyncio
async def test_rest_after_each_work_is_told_with_its_length() -> None:
    more = RunReport(eims=(EimReport(eim_id="eim1", more=True),))
    agent, clock = FakeAgent(answers=[more, IDLE]), SwiftClock()
    service = make(agent, clock)
    agent.when_exhausted = service.stop
    service.at_rest = lambda seconds: agent.log.append(f"for {seconds:g} s")
    await asyncio.wait_for(service.run(), 5)
    assert agent.log[2:-2] == ["poll eim1", "rest", "for 60 s", "poll eim1", "rest", "for 3600 s"]


@pytest.mark.asyncio
async def test_news_that_ask_for_nothing_are_no_work_before_a_rest() -> None:
    agent, told = FakeAgent(answers=[IDLE]), list[float]()
    guard = make_guard()
    service = make(agent, HeldClock(), guard=guard)
    service.at_rest = told.append
    running = asyncio.ensure_future(service.run())
    await settled(lambda: agent.log.count("rest") == 1)
    guard.news.set()
    await settled(lambda: agent.log.count("rest") == 2)
    guard.news.set()
    await settled(lambda: agent.log.count("rest") == 3)
    service.stop()
    await running
    assert told == [3600.0]


@pytest.mark.asyncio
async def test_eim_with_an_interval_of_its_own_is_polled_by_it() -> None:
    agent, clock = FakeAgent(answers=[IDLE]), SwiftClock()
    await serve(agent, clock, intervals={"eim1": 60.0, "other": 1.0})
    assert clock.waits == [60.0]


@pytest.mark.asyncio
async def test_eim_with_more_packages_has_its_turn_soon() -> None:
    more = RunReport(eims=(EimReport(eim_id="eim1", more=True),))
    agent, clock = FakeAgent(answers=[more]), SwiftClock()
    await serve(agent, clock)
    assert clock.waits == [TIMERS.poll_minimum]


@pytest.mark.asyncio
async def test_run_without_a_turn_of_the_eim_that_was_due_does_not_spin() -> None:
    agent, clock = FakeAgent(answers=[RunReport(suspended="the emergency profile is enabled")]), SwiftClock()
    await serve(agent, clock)
    assert clock.waits == [TIMERS.poll_minimum]


@pytest.mark.asyncio
async def test_unreachable_eim_is_backed_off() -> None:
    down = RunReport(eims=(EimReport(eim_id="eim1", network_error=NetworkError("down", layer="tcp")),))
    agent, clock = FakeAgent(answers=[down, down, IDLE]), SwiftClock()
    await serve(agent, clock)
    assert clock.waits == [60.0, 120.0, 3600.0]


@pytest.mark.asyncio
async def test_eim_that_was_added_by_a_package_is_scheduled_with_the_others() -> None:
    agent, clock = FakeAgent(), SwiftClock()

    def adds_one() -> RunReport:
        agent.eims = ("eim1", "eim2")
        idle = EimPackageError.NO_EIM_PACKAGE_AVAILABLE
        return RunReport(eims=tuple(EimReport(eim_id=name, eim_error=idle) for name in agent.eims))

    agent.answers = [adds_one]
    await serve(agent, clock)
    assert agent.log == ["open", "start", "poll eim1", "rest", "poll eim1 eim2", "close"]


@pytest.mark.asyncio
async def test_without_an_eim_the_service_stays_and_a_signal_has_no_one_to_poll() -> None:
    agent, clock, manager = FakeAgent(eims=()), HeldClock(), RecordingManager()
    service = make(agent, clock, manager)
    running = asyncio.ensure_future(service.run())
    await turns(5)
    service.poll_now()
    await turns(5)
    assert agent.log == ["open", "start", "rest", "rest"]
    assert "STATUS=idle, no eIM can be polled" in manager.sent
    service.stop()
    await running


@pytest.mark.parametrize(
    "failure",
    [
        PortError("/dev/x: there is no such port"),
        NoEuiccError("no eUICC"),
        StateError("disk full"),
        CodecError("malformed answer"),
    ],
)
@pytest.mark.asyncio
async def test_failure_closes_everything_and_starts_over_after_a_pause(failure: Exception) -> None:
    agent, clock = FakeAgent(answers=[failure, IDLE]), SwiftClock()
    await serve(agent, clock)
    assert agent.log[:6] == ["open", "start", "poll eim1", "close", "open", "start"]
    assert clock.waits[0] == 5.0


@pytest.mark.asyncio
async def test_eim_is_left_alone_for_longer_and_longer_while_nothing_can_be_written() -> None:
    agent, clock = FakeAgent(answers=[StateError("disk full"), StateError("disk full"), IDLE]), SwiftClock()
    await serve(agent, clock)
    assert clock.waits == [5.0, 55.0, 10.0, 110.0, 3600.0]


@pytest.mark.asyncio
async def test_pause_grows_while_the_failure_lasts_and_starts_over_afterwards() -> None:
    errors: list[Answer] = [PortError("gone")] * 8
    agent, clock = FakeAgent(answers=[*errors, IDLE, PortError("gone")]), SwiftClock()
    await serve(agent, clock)
    assert clock.waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 3600.0, 5.0]


@pytest.mark.asyncio
async def test_change_of_profile_that_goes_on_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    busy = EuiccResultError("GetProfilesInfo", ProfileInfoListError.PROFILE_CHANGE_ONGOING)
    agent = FakeAgent(answers=[busy, EuiccResultError("GetProfilesInfo", ProfileInfoListError.UNDEFINED_ERROR)])
    with caplog.at_level(logging.INFO, "ipad.daemon.service"):
        await serve(agent, SwiftClock())
    levels = [record.levelno for record in caplog.records if "the eUICC answered" in record.message]
    assert levels == [logging.WARNING, logging.ERROR]


@pytest.mark.asyncio
async def test_failure_that_repeats_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    agent = FakeAgent(answers=[PortError("gone"), PortError("gone"), PortError("other")])
    with caplog.at_level(logging.INFO, "ipad.daemon.service"):
        await serve(agent, SwiftClock())
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["gone; trying again in 5 s", "other; trying again in 20 s"]


@pytest.mark.parametrize("error", [ConfigError("no such board"), UsageError("several modems are configured")])
@pytest.mark.asyncio
async def test_wrong_configuration_ends_the_service(error: IpadError) -> None:
    agent = FakeAgent(start_error=error)
    with pytest.raises(type(error)):
        await serve(agent, SwiftClock())
    assert agent.log == ["open", "start", "close"]


@pytest.mark.asyncio
async def test_manager_learns_of_readiness_status_and_stop() -> None:
    manager = RecordingManager()
    await serve(FakeAgent(answers=[IDLE]), SwiftClock(), manager)
    assert manager.sent.count("READY=1") == 1
    assert manager.sent[0] == "READY=1"
    assert manager.sent[1] == "STATUS=polling eim1"
    assert manager.sent[2].startswith("STATUS=idle, next poll 20")
    assert manager.sent[-1] == "STOPPING=1"


@pytest.mark.asyncio
async def test_start_is_over_when_the_reason_of_failure_is_known() -> None:
    manager = RecordingManager()
    await serve(FakeAgent(start_error=PortError("gone"), answers=[IDLE]), SwiftClock(), manager)
    assert manager.sent[:2] == ["READY=1", "STATUS=failed: gone; trying again in 5 s"]


@pytest.mark.asyncio
async def test_stop_during_a_run_unwinds_it() -> None:
    agent, clock = FakeAgent(), HeldClock()
    service = make(agent, clock)
    agent.when_exhausted = lambda: None
    running = asyncio.ensure_future(service.run())
    await settled(lambda: "poll eim1" in agent.log)
    service.stop()
    await running
    assert agent.log == ["open", "start", "poll eim1", "close"]


@pytest.mark.asyncio
async def test_device_is_opened_anew_for_another_configuration_and_polled_by_the_new_interval() -> None:
    agent, clock = FakeAgent(answers=[IDLE]), HeldClock()
    service = make(agent, clock)
    running = asyncio.ensure_future(service.run())
    await settled(lambda: "rest" in agent.log)
    service.adopt(Timers(poll_interval=600.0), {}, 1.0)
    await settled(lambda: agent.log.count("rest") == 2)
    service.stop()
    await running
    assert agent.log == ["open", "start", "poll eim1", "rest", "close", "open", "start", "rest", "close"]
    assert clock.waits == [3600.0, 600.0]


@pytest.mark.asyncio
async def test_device_stays_open_while_a_change_of_profile_is_on_trial() -> None:
    agent, clock, guard = FakeAgent(answers=[IDLE]), HeldClock(), make_guard(radio=True)
    guard.feed(CardRead(enabled=ICCID, installed=(ICCID, OTHER)))
    guard.feed(Registration(state=RegistrationState.HOME, plmn="00101"))
    guard.feed(Bearer(session="1"))
    service = make(agent, clock, guard=guard)
    running = asyncio.ensure_future(service.run())
    await settled(lambda: "rest" in agent.log)
    guard.feed(ProfileChanged(origin=Origin.PACKAGE, iccid=OTHER, previous=ICCID, rollback=True))
    assert guard.on_trial
    service.adopt(TIMERS, {}, 1.0)
    await settled(lambda: agent.log.count("rest") >= 2)
    service.stop()
    await running
    assert agent.log.count("open") == 1


@pytest.mark.asyncio
async def test_wrong_configuration_is_taken_back_once_when_there_is_one_of_before() -> None:
    agent, clock = FakeAgent(start_error=ConfigError("no such board"), answers=[IDLE]), SwiftClock()
    service = make(agent, clock)
    told: list[str] = []

    def take_back(error: ConfigError) -> bool:
        told.append(str(error))
        return True

    service.take_back = take_back
    agent.when_exhausted = service.stop
    await asyncio.wait_for(service.run(), 5)
    assert told == ["no such board"]
    assert agent.log[:5] == ["open", "start", "close", "open", "start"]


@pytest.mark.asyncio
async def test_signal_cuts_the_pause_after_a_failure_short_once() -> None:
    agent, clock = FakeAgent(answers=[PortError("gone"), PortError("gone")]), HeldClock()
    service = make(agent, clock)
    running = asyncio.ensure_future(service.run())
    await settled(lambda: len(clock.waits) == 1)
    service.poll_now()
    await settled(lambda: len(clock.waits) == 2)
    await turns(10)
    assert clock.waits == [5.0, 10.0]
    assert agent.log.count("poll eim1") == 2
    service.stop()
    await running


def test_eim_that_does_not_know_the_eid_is_asked_rarely() -> None:
    schedule = Schedule(timers=TIMERS).with_eims(("eim1",), 0.0)
    report = EimReport(eim_id="eim1", eim_error=EimPackageError.EID_NOT_FOUND)
    assert reschedule(schedule, report, 0.0, 0.0).next_at() == TIMERS.unknown_eid_interval


def test_retry_after_of_the_server_is_followed() -> None:
    schedule = Schedule(timers=TIMERS).with_eims(("eim1",), 0.0)
    error = HttpStatusError("busy", status=503, transient=True, retry_after=700.0)
    assert reschedule(schedule, EimReport(eim_id="eim1", network_error=error), 0.0, 0.0).next_at() == 700.0


class LosesCancellation(FakeAgent):
    """Its modem is gone by the time that its work is cut off: that error is what remains."""

    async def poll(self, eim_ids: Sequence[str]) -> RunReport:
        try:
            return await super().poll(eim_ids)
        except asyncio.CancelledError as error:
            raise PortError("hung up") from error


@pytest.mark.asyncio
async def test_stop_is_not_lost_in_an_error_of_the_device() -> None:
    agent, clock = LosesCancellation(), SwiftClock()
    await serve(agent, clock)
    assert agent.log == ["open", "start", "poll eim1", "close"]
    assert clock.waits == []
