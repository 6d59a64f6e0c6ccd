"""Modems with habits: deaf to REFRESH, falling over, hiding their bearer, asleep, or dialled by the agent."""

from __future__ import annotations

import pytest

from hil.network import Service
from ipad.policy.decisions import Commit, Recover, Rollback
from ipad.policy.events import Boot
from tests.e2e.scenarios.stage import DAY, HOUR, IMSI_ONE, IMSI_TWO, MINUTE, ONE, TWO, MakeStage, Outcome, Stage, ended


def test_modem_that_ignores_refresh_is_made_to_read_the_card(make_stage: MakeStage) -> None:
    stage = make_stage("ignore-refresh", enabled=ONE)
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)
    assert stage.timeline.first(Commit) < 2 * MINUTE


def test_modem_that_ignores_refresh_is_rolled_back_all_the_same(make_stage: MakeStage) -> None:
    stage = make_stage("ignore-refresh", enabled=ONE)
    stage.network.set_service(Service(coverage=False), imsi=IMSI_TWO)
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=ONE, switches=0, restarts=2)
    assert ended(package, Outcome.ROLLED_BACK)


@pytest.mark.parametrize("after", [0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0])
def test_modem_that_resets_in_the_middle_of_a_switch_is_outlived(make_stage: MakeStage, after: float) -> None:
    stage = make_stage("quiet", enabled=ONE)
    package = stage.switch()
    stage.serve((5.0 + after, stage.device.modem.device.restart), until=HOUR)
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)
    assert len(stage.device.loaded) == 1


def test_modem_that_falls_over_again_and_again_is_outlived(make_stage: MakeStage) -> None:
    stage = make_stage("modem-reset", enabled=ONE)
    package = stage.switch()
    stage.serve((590.0, lambda: stage.switch(ONE)), until=2 * HOUR)
    stage.serve(until=DAY)
    stage.end(enabled=ONE, switches=0, restarts=1)
    assert ended(package, Outcome.OK)
    assert len(stage.device.loaded) == 2


def test_boot_counts_as_one_and_a_restart_of_the_process_does_not(make_stage: MakeStage) -> None:
    stage = make_stage("quiet")
    stage.serve(until=HOUR)
    stage.serve(until=2 * HOUR)
    stage.device.boot = "boot 2"
    stage.serve(until=3 * HOUR)
    stage.end(enabled=TWO, switches=0)
    boots = [event.reboot for _, event in stage.timeline.events if isinstance(event, Boot)]
    assert boots == [True, False, True]


def test_modem_that_hides_its_bearer_is_not_taken_for_offline(make_stage: MakeStage) -> None:
    stage = make_stage("hidden-bearer")
    stage.serve(until=3 * DAY)
    stage.end(enabled=TWO, switches=0)
    assert stage.timeline.made(Recover) == []
    assert stage.polls >= 6


@pytest.mark.parametrize("reboot", [False, True], ids=["at once", "reboot"])
def test_modem_that_hides_its_bearer_proves_a_new_profile(make_stage: MakeStage, *, reboot: bool) -> None:
    stage = make_stage("hidden-bearer", enabled=ONE)
    stage.serve(until=HOUR)
    package = stage.switch()
    stage.serve(until=13 * HOUR)
    if reboot:
        stage.device.boot = "boot 2"
        stage.serve(until=14 * HOUR)
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)
    assert stage.timeline.made(Rollback) == []


def test_modem_that_hides_its_bearer_does_not_hide_that_nothing_comes_back(make_stage: MakeStage) -> None:
    stage = make_stage("hidden-bearer", enabled=ONE)
    stage.network.set_service(Service(data=False), imsi=IMSI_TWO)
    stage.serve(until=HOUR)
    package = stage.switch()
    stage.serve(until=14 * HOUR)
    stage.end(enabled=ONE, switches=0, restarts=2)
    assert ended(package, Outcome.ROLLED_BACK)


def sleeper(make_stage: MakeStage, **options: str) -> Stage:
    stage = make_stage("power-saving", modem="quectel-bg95", **options)
    stage.device.configure(modem='port = "virtual"\nboard = "quectel-bg96"')
    return stage


def test_modem_that_sleeps_is_neither_woken_nor_taken_for_lost(make_stage: MakeStage) -> None:
    stage = sleeper(make_stage)
    stage.serve(until=3 * DAY)
    assert stage.switches == 0
    assert stage.timeline.made(Recover) == []
    assert stage.enabled == TWO
    assert 5 <= stage.polls <= 12


def test_modem_that_sleeps_gets_its_switch_done(make_stage: MakeStage) -> None:
    stage = sleeper(make_stage, enabled=ONE)
    package = stage.switch()
    stage.serve(until=2 * DAY)
    assert stage.enabled == TWO
    assert ended(package, Outcome.OK)
    assert stage.restarts == 0


APNS = """
[bearer]
backend = "at"
[[bearer.apn]]
imsi = "00101"
apn = "one.example"
[[bearer.apn]]
imsi = "00102"
apn = "two.example"
"""


def dialled(make_stage: MakeStage, apn: str) -> Stage:
    """A stage whose agent dials, in networks that know one access point each."""
    stage = make_stage("quiet", enabled=ONE)
    stage.network.set_service(Service(apns=("one.example",)), imsi=IMSI_ONE)
    stage.network.set_service(Service(apns=(apn,)), imsi=IMSI_TWO)
    stage.device.configure(APNS)
    return stage


def test_switch_brings_the_access_point_of_the_new_profile(make_stage: MakeStage) -> None:
    stage = dialled(make_stage, "two.example")
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=TWO, switches=0)
    assert ended(package, Outcome.OK)


def test_wrong_access_point_is_rolled_back_and_the_former_one_restored(make_stage: MakeStage) -> None:
    stage = dialled(make_stage, "other.example")
    package = stage.switch()
    stage.serve(until=HOUR)
    stage.end(enabled=ONE, switches=0, restarts=2)
    assert ended(package, Outcome.ROLLED_BACK)
