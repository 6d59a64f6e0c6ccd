"""What the card does not allow: a rollback that it denies, a fallback that it does not have, an emergency."""

from __future__ import annotations

import asyncio

import pytest

from hil.euicc.knobs import PowerLossPoint
from hil.network import Service
from ipad.policy.decisions import ExecuteFallback, Report, ReportKind, Silence
from ipad.policy.events import Outcome as Ended
from tests.e2e.scenarios.stage import DAY, HOUR, IMSI_TWO, MINUTE, ONE, TWO, MakeStage, Outcome, Stage, ended

FOUR = "89490000000000000049"
NO_COVERAGE = Service(coverage=False)
NOT_ALLOWED, BUSY = 1, 5


def test_rollback_that_the_card_denies_ends_in_the_fallback_profile(make_stage: MakeStage) -> None:
    stage = make_stage("quiet", enabled=ONE)
    stage.device.card.knobs.forced_codes["cmdResult"] = NOT_ALLOWED
    stage.network.set_service(NO_COVERAGE, imsi=IMSI_TWO)
    package = stage.switch()
    stage.serve(until=2 * HOUR)
    stage.end(enabled=ONE, switches=1, restarts=2)
    assert ended(package, Outcome.OK)
    assert stage.told() == [(1, "00f110")]


def test_rollback_that_the_card_denies_without_fallback_profile_is_told_and_waited_out(make_stage: MakeStage) -> None:
    stage = make_stage("quiet", enabled=ONE, fallback=None)
    stage.device.card.knobs.forced_codes["cmdResult"] = NOT_ALLOWED
    stage.network.set_service(NO_COVERAGE, imsi=IMSI_TWO)
    package = stage.switch()
    stage.serve((6 * HOUR, stage.network.clear_services), until=9 * HOUR)
    stage.end(enabled=TWO, switches=0, restarts=12)
    assert ended(package, Outcome.OK)
    kinds = [report.kind for report in stage.timeline.made(Report) if isinstance(report, Report)]
    assert ReportKind.STRANDED in kinds
    stage.within_bound(6 * HOUR)


def test_card_that_is_busy_is_asked_for_its_rollback_again(make_stage: MakeStage) -> None:
    stage = make_stage("quiet", enabled=ONE)
    stage.device.card.knobs.forced_codes["cmdResult"] = BUSY
    stage.network.set_service(NO_COVERAGE, imsi=IMSI_TWO)
    package = stage.switch()
    stage.serve((20 * MINUTE, stage.device.card.knobs.forced_codes.clear), until=2 * HOUR)
    stage.end(enabled=ONE, switches=0, restarts=4)
    assert ended(package, Outcome.ROLLED_BACK)


def test_card_without_fallback_profile_waits_for_its_network(make_stage: MakeStage) -> None:
    stage = make_stage("coverage-back", fallback=None)
    stage.serve(until=9 * HOUR)
    stage.end(enabled=TWO, switches=0, restarts=12)
    assert stage.timeline.made(ExecuteFallback) == []
    stage.within_bound(5 * HOUR)


@pytest.mark.parametrize("point", [PowerLossPoint.AFTER_RESULT_STORED, PowerLossPoint.AFTER_SWITCH])
def test_power_that_goes_away_in_the_middle_of_a_switch_loses_nothing(
    make_stage: MakeStage, point: PowerLossPoint
) -> None:
    stage = make_stage("quiet", enabled=ONE)
    stage.device.card.knobs.power_loss = point
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)


def turn_emergency(stage: Stage, *, on: bool) -> None:
    """Somebody outside turns the emergency profile on or off (SGP.32 5.9.22, 5.9.23)."""

    async def turn() -> None:
        assert await stage.agent.switch_emergency(on=on) is Ended.DONE
        await stage.guard.after_operation(stage.agent)

    stage.timeline.say(f"emergency profile {'on' if on else 'off'}")
    stage.pending = asyncio.ensure_future(turn())


def test_emergency_profile_means_silence_until_it_is_off(make_stage: MakeStage) -> None:
    stage = make_stage("quiet")
    during: list[tuple[str | None, int]] = []
    stage.serve(
        (HOUR, lambda: turn_emergency(stage, on=True)),
        (HOUR + MINUTE, lambda: during.append((stage.enabled, len(stage.air.attempts)))),
        (2 * HOUR, lambda: stage.network.set_service(NO_COVERAGE, imsi="00101")),
        (2 * DAY, lambda: during.append((stage.enabled, len(stage.air.attempts)))),
        (2 * DAY, stage.network.clear_services),
        (2 * DAY, lambda: turn_emergency(stage, on=False)),
        until=2 * DAY + HOUR,
    )
    stage.end(enabled=TWO, switches=0)
    assert during == [(FOUR, during[0][1])] * 2
    assert [silence.on for silence in stage.timeline.made(Silence) if isinstance(silence, Silence)] == [True, False]
    assert [cause for cause, _ in stage.told()] == [2]
