"""What a switch took is read from the events of a case."""

from __future__ import annotations

from hil.suite.measuring import ACTIVATION, CONNECTIVITY, durations
from hil.suite.record import EventRecord

SWITCH = (
    EventRecord(0.10, "ESIPA", ">", "eim1 GetEimPackage"),
    EventRecord(0.11, "ESIPA", "<", "eim1 HTTP 200"),
    EventRecord(0.20, "CARD", "", "profile 89490000000000000015: disabled"),
    EventRecord(0.20, "CARD", "", "profile 89490000000000000023: enabled"),
    EventRecord(0.30, "RADIO", "", "bearer lost"),
    EventRecord(0.70, "ESIPA", ">", "eim1 GetEimPackage"),
    EventRecord(0.81, "ESIPA", ">", "eim1 ProvideEimPackageResult"),
)


def test_switch_that_works_has_both() -> None:
    assert durations(SWITCH) == {CONNECTIVITY: 0.5, ACTIVATION: 0.7}


def test_only_the_first_switch_counts_and_one_that_is_undone_before_any_message_does_not() -> None:
    back = EventRecord(0.50, "CARD", "", "profile 89490000000000000015: enabled")
    assert durations((*SWITCH[:5], back, *SWITCH[5:])) == {}
    later = EventRecord(0.90, "CARD", "", "profile 89490000000000000015: enabled")
    assert durations((*SWITCH, later, EventRecord(9.0, "ESIPA", ">", "eim1 GetEimPackage"))) == durations(SWITCH)


def test_what_the_bench_disturbs_is_no_measure() -> None:
    disturbed = EventRecord(0.05, "BENCH", "", "service for IMSI 001020000000002")
    assert durations((disturbed, *SWITCH)) == {}
    assert durations((*SWITCH[:5], EventRecord(0.4, "BENCH", "", "link cut"), *SWITCH[5:])) == {}


def test_case_without_a_switch_has_none() -> None:
    assert durations(SWITCH[:2]) == {}
    assert durations(()) == {}
