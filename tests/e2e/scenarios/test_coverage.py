"""What the world does to a device that was well: gaps, dead networks, borders, antennas."""

from __future__ import annotations

from ipad.policy.decisions import ExecuteFallback
from tests.e2e.scenarios.stage import DAY, HOUR, MINUTE, ONE, TWO, MakeStage


def test_coverage_gap_that_ends_is_waited_out(make_stage: MakeStage) -> None:
    stage = make_stage("coverage-gap")
    stage.serve(until=2 * HOUR)
    stage.end(enabled=TWO, switches=0, restarts=2)
    assert stage.recovery_time(1800.0) < 5 * MINUTE


def test_coverage_that_does_not_come_back_is_left_for_the_fallback_profile(make_stage: MakeStage) -> None:
    stage = make_stage("coverage-lost")
    stage.serve(until=4 * HOUR)
    stage.end(enabled=ONE, switches=1, restarts=8)
    assert stage.told() == [(1, "00f110")]
    stage.within_bound(600.0)
    assert 30 * MINUTE <= stage.timeline.first(ExecuteFallback) - 600.0 <= 75 * MINUTE


def test_lost_network_that_comes_back_gets_its_device_back(make_stage: MakeStage) -> None:
    stage = make_stage("coverage-back")
    stage.serve(until=12 * HOUR)
    stage.end(enabled=TWO, switches=2, restarts=8)
    assert stage.told() == [(1, "00f110"), (1, "00f120")]


def test_device_with_two_dead_networks_finds_the_one_that_returns(make_stage: MakeStage) -> None:
    stage = make_stage("both-dead")
    stage.serve(until=24 * HOUR)
    stage.end(enabled=TWO, restarts=16)
    stage.within_bound(43_800.0)


def test_border_where_roaming_is_refused_is_crossed_with_the_other_profile(make_stage: MakeStage) -> None:
    stage = make_stage("border")
    stage.serve(until=4 * HOUR)
    stage.end(enabled=ONE, switches=1, restarts=8)
    assert stage.told()[0] == (1, "02f810")
    stage.within_bound(900.0)


def test_flapping_network_does_not_make_the_device_flap(make_stage: MakeStage) -> None:
    stage = make_stage("flapping")
    stage.serve(until=5 * HOUR)
    stage.end(enabled=TWO, switches=0, restarts=10)


def test_data_that_is_dead_under_a_good_signal_is_left(make_stage: MakeStage) -> None:
    stage = make_stage("dead-data")
    stage.serve(until=4 * HOUR)
    stage.end(enabled=ONE, switches=1, restarts=8)
    stage.within_bound(600.0)


def test_antenna_that_is_off_since_boot_moves_nothing_for_hours_and_strands_nobody(make_stage: MakeStage) -> None:
    stage = make_stage("antenna-off")
    stage.serve(until=26 * HOUR)
    stage.end(enabled=TWO, switches=2, restarts=16)
    assert stage.timeline.first(ExecuteFallback) > 11 * HOUR
    assert stage.recovery_time(DAY) < HOUR


def test_sunset_of_a_technology_ends_in_the_profile_that_has_another_one(make_stage: MakeStage) -> None:
    stage = make_stage("sunset")
    stage.serve(until=29 * HOUR)
    stage.end(enabled=ONE, switches=1, restarts=8)
    stage.within_bound(DAY)


def test_congestion_of_a_quarter_of_an_hour_is_waited_out(make_stage: MakeStage) -> None:
    stage = make_stage("congestion")
    stage.serve(until=HOUR)
    stage.end(enabled=TWO, switches=0, restarts=2)
    assert stage.recovery_time(900.0) < 5 * MINUTE


def test_signal_that_fades_makes_the_device_ask_before_it_is_lost(make_stage: MakeStage) -> None:
    stage = make_stage("weak-signal")
    stage.serve(until=2 * HOUR)
    stage.end(enabled=TWO, switches=0)
    assert stage.polls == 2


def test_cells_that_let_nobody_in_for_an_hour_are_left_and_returned_to(make_stage: MakeStage) -> None:
    stage = make_stage("barred")
    stage.serve(until=10 * HOUR)
    stage.end(enabled=TWO, switches=2, restarts=8)
    stage.within_bound(4200.0)
