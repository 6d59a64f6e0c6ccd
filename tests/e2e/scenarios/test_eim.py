"""What servers and schedules do to a device: a long outage, a clock that is not set, quiet hours, an empty budget."""

from __future__ import annotations

import pytest

from hil.network import Service
from ipad.errors import NetworkError
from ipad.net.probe import Look, ReachedLayer
from ipad.policy.decisions import Commit, Recover, Report, Rollback
from tests.e2e.scenarios.stage import DAY, HOUR, IMSI_TWO, MINUTE, ONE, TWO, MakeStage, Outcome, ended

CLOCK = Look(reached=ReachedLayer.TCP, packets=True, clock=True, failure="certificate is not yet valid")


def test_outage_of_the_eim_for_a_week_changes_nothing(make_stage: MakeStage) -> None:
    stage = make_stage("quiet")
    packages = []
    stage.serve(
        (HOUR, lambda: setattr(stage.air, "server_down", True)),
        (2 * HOUR, lambda: packages.append(stage.switch(ONE, rollback=False))),
        (7 * DAY, lambda: setattr(stage.air, "server_down", False)),
        until=8 * DAY,
    )
    stage.end(enabled=ONE, switches=0)
    assert stage.timeline.made(Recover, Report) == []
    assert ended(packages[0], Outcome.OK)
    assert len(stage.air.attempts) < 7 * 26


@pytest.mark.parametrize("hours", [3, 10])
def test_outage_of_the_eim_in_a_window_rolls_nothing_back(make_stage: MakeStage, hours: int) -> None:
    stage = make_stage("quiet", enabled=ONE)
    package = stage.switch()
    stage.serve(
        (6.0, lambda: setattr(stage.air, "server_down", True)),
        (hours * HOUR, lambda: setattr(stage.air, "server_down", False)),
        until=14 * HOUR,
    )
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)
    assert stage.timeline.made(Rollback, Recover) == []


def test_clock_that_is_not_set_rolls_nothing_back(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = make_stage("clock-unset", enabled=ONE)
    monkeypatch.setattr(stage.clock, "_epoch", 0.0)

    def too_early(_message: bytes, _answer: bytes) -> bytes:
        raise NetworkError("certificate is not yet valid", layer="tls")

    package = stage.switch()
    stage.serve(
        (6.0, lambda: setattr(stage.air, "spoil", too_early)),
        (6.0, lambda: setattr(stage.air, "look", lambda: CLOCK)),
        (8 * HOUR, lambda: monkeypatch.setattr(stage.clock, "_epoch", 1_782_900_000.0)),
        (8 * HOUR, lambda: setattr(stage.air, "spoil", None)),
        (8 * HOUR, lambda: setattr(stage.air, "look", None)),
        until=12 * HOUR,
    )
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)
    assert stage.timeline.made(Rollback, Recover) == []
    assert 8 * HOUR < stage.timeline.first(Commit) < 10 * HOUR


NIGHT = '[poll]\nquiet = "00:00-23:59"\nper_day = 2\n'


def test_neither_quiet_hours_nor_an_empty_budget_keep_a_profile_without_service(make_stage: MakeStage) -> None:
    stage = make_stage("quiet", enabled=ONE)
    stage.device.set_policy(NIGHT)
    stage.network.set_service(Service(coverage=False), imsi=IMSI_TWO)
    package = stage.switch()
    silent: list[bool] = []
    stage.serve(
        (10 * HOUR, lambda: silent.append(stage.polls == 0)),
        (10 * HOUR, stage.poll_now),
        until=12 * HOUR,
    )
    assert silent == [True]
    assert ended(package, Outcome.ROLLED_BACK)
    assert stage.enabled == ONE
    assert stage.online
    assert stage.timeline.first(Rollback) < 10 * HOUR + 15 * MINUTE
