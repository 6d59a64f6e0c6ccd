"""Registration, signal and card as facts, line by line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipad.board.values import Technology
from ipad.ids import Iccid, Plmn
from ipad.modem.facts import BearerFact, ModemCondition, ModemFact, RadioFact, RegistrationFact, SignalFact, SleepFact
from ipad.modem.network import Operator, parse_cops
from ipad.modem.radio_view import RadioView, SimView
from ipad.modem.registration import (
    AccessTechnology,
    Registration,
    RegistrationStatus,
    packet_registration,
    parse_ceer,
    parse_registration,
    technology_of,
)
from ipad.modem.signal import Signal, parse_signal
from ipad.modem.sim import SimCondition
from ipad.modem.told import Told
from ipad.modem.urc import is_boot
from tests.ipad.modem.watched import LIBRARY

GENERIC = replace(LIBRARY.load("generic-3gpp"), rats=("gsm", "umts", "lte"))
ICCID = Iccid.parse("89490000000000000015")


def entry(line: str) -> Registration:
    found = parse_registration(line)
    assert found is not None
    return found


def seen(*lines: str) -> RegistrationFact:
    view = RadioView(GENERIC)
    for line in lines:
        view.take(entry(line))
    return view.registration()


@pytest.mark.parametrize(
    ("lines", "status", "technology"),
    [
        (("+CEREG: 0", '+CGREG: 1,"1","2",2'), RegistrationStatus.HOME, "umts"),
        (('+CEREG: 5,"1","00000002",7', '+CGREG: 1,"1","2",2'), RegistrationStatus.ROAMING, "lte"),
        (("+CREG: 1", "+CEREG: 2"), RegistrationStatus.SEARCHING, None),
        (("+CREG: 1",), RegistrationStatus.HOME, None),
        (("+CGREG: 2", "+CEREG: 3,,,,0,15"), RegistrationStatus.DENIED, None),
        (("+CGREG: 4", "+CEREG: 0"), RegistrationStatus.UNKNOWN, None),
        (("+CGREG: 2", "+CEREG: 8"), RegistrationStatus.EMERGENCY_ONLY, None),
        (("+CGREG: 0", '+C5GREG: 1,"1","2",11'), RegistrationStatus.HOME, "nr5g"),
    ],
)
def test_what_domains_say_together(lines: tuple[str, ...], status: RegistrationStatus, technology: str | None) -> None:
    fact = seen(*lines)
    assert (fact.status, fact.technology) == (status, technology)


def test_nothing_is_known_before_the_modem_said_anything() -> None:
    assert packet_registration({}, ("cereg",)) is None
    view = RadioView(GENERIC)
    assert not view.heard
    assert view.registration().status is RegistrationStatus.UNKNOWN


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("+CEREG: 3,,,,0,7", 7),
        ("+CEREG: 3,,,,1,7", None),
        ("+CEREG: 3", None),
        ('+CGREG: 3,"1","2",0,"01",0,11', 11),
        ('+C5GREG: 3,"1","2",11,4,"01",0,73', 73),
        ("+CEREG: 2,,,,0,7", None),
    ],
)
def test_only_a_refusal_with_a_number_of_3gpp_has_a_cause(line: str, cause: int | None) -> None:
    assert seen(line).cause == cause


def test_a_cause_that_another_command_told_lasts_as_long_as_the_refusal() -> None:
    view = RadioView(GENERIC)
    view.take(entry("+CEREG: 3"))
    assert view.denied_without_cause
    view.refuse(8)
    view.take(entry("+CEREG: 3"))
    assert view.registration().cause == 8
    view.take(entry("+CEREG: 2"))
    view.take(entry("+CEREG: 3"))
    assert view.registration().cause is None


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('+CEER: "EMM cause 7"', 7),
        ("+CEER: EMM Cause: 15", 15),
        ("+CEER: GMM cause #11", 11),
        ("+CEER: 5GMM_cause = 27", 27),
        ('+CEER: "ESM cause 27"', None),
        ("+CEER: No cause information available", None),
        ("+CEER: EMM cause 700", None),
        ("+CEER: 16, Normal call clearing", None),
    ],
)
def test_cause_in_free_text(text: str, cause: int | None) -> None:
    assert parse_ceer([text]) == cause


@pytest.mark.parametrize(
    ("act", "rats", "technology"),
    [
        (7, ("lte",), "lte"),
        (7, ("lte-m", "nb-iot"), "lte-m"),
        (7, ("gsm", "lte-m"), "lte-m"),
        (7, ("nb-iot",), "nb-iot"),
        (8, ("lte-m",), "lte-m"),
        (9, ("lte-m", "nb-iot"), "nb-iot"),
        (3, ("gsm",), "gsm"),
        (6, ("umts",), "umts"),
        (13, ("lte", "nr5g"), "nr5g"),
        (99, ("lte",), None),
    ],
)
def test_technology_of_a_cell(act: int, rats: tuple[Technology, ...], technology: str | None) -> None:
    assert technology_of(AccessTechnology(act), rats) == technology


def test_the_network_is_asked_for_after_a_registration_and_in_another_area() -> None:
    view = RadioView(GENERIC)
    assert not view.network_unknown
    view.take(entry('+CEREG: 1,"0001","00000002",7'))
    assert view.network_unknown
    view.serve(parse_cops('+COPS: 0,2,"26201",7'))
    assert (view.network_unknown, view.registration().plmn) == (False, Plmn("262", "01"))
    view.take(entry('+CEREG: 1,"0001","00000003",7'))
    assert not view.network_unknown
    view.take(entry('+CEREG: 5,"0002","00000004",7'))
    assert (view.network_unknown, view.registration().plmn) == (True, Plmn("262", "01"))
    view.take(entry("+CEREG: 2"))
    assert view.registration().plmn is None
    view.serve(parse_cops('+COPS: 0,2,"26201",7'))
    assert view.registration().plmn is None


def test_the_operator_tells_the_technology_where_the_registration_does_not() -> None:
    view = RadioView(GENERIC)
    view.take(entry("+CEREG: 1"))
    view.serve(Operator(mode=0, plmn=Plmn("262", "01"), technology=AccessTechnology.E_UTRAN))
    assert view.registration().technology == "lte"


@pytest.mark.parametrize(
    ("signal", "technology", "dbm"),
    [
        (Signal(rsrp=-101.0, rssi=-70.0), "lte", -101.0),
        (Signal(rssi=-95.0), "lte", -113.6),
        (Signal(rssi=-95.0), "nb-iot", -105.8),
        (Signal(rssi=-95.0), "gsm", -95.0),
        (Signal(rscp=-99.0), "umts", -99.0),
        (Signal(rxlev=-88.0), "gsm", -88.0),
        (Signal(rxlev=-88.0), "lte", None),
        (Signal(), "lte", None),
    ],
)
def test_level_of_the_reference_signal(signal: Signal, technology: Technology, dbm: float | None) -> None:
    assert signal.reference(technology) == (None if dbm is None else pytest.approx(dbm))


@pytest.mark.parametrize(
    ("registration", "line", "technology", "dbm"),
    [
        ('+CEREG: 1,"1","00000002",7', "+CESQ: 99,99,255,255,20,57", "lte", -84.0),
        ('+CGREG: 1,"1","2",2', "+CESQ: 99,99,31,20,255,255", "umts", -90.0),
        ('+CGREG: 1,"1","2",0', "+CESQ: 30,99,255,255,255,255", "gsm", -81.0),
        ('+CEREG: 1,"1","00000002",7', "+CSQ: 20,99", "lte", -91.6),
        ('+CGREG: 1,"1","2",2', '+QCSQ: "LTE",-52,-81,195,-10', "lte", -81.0),
        ("+CEREG: 2", '+QCSQ: "WCDMA",-69,-75,-10', "umts", -75.0),
        ("+CEREG: 2", "+CSQ: 99,99", "lte", None),
    ],
)
def test_a_measurement_in_its_technology(registration: str, line: str, technology: str, dbm: float | None) -> None:
    view = RadioView(GENERIC)
    view.take(entry(registration))
    fact = view.signal(parse_signal([line]))
    assert fact.technology == technology
    assert fact.dbm == (None if dbm is None else pytest.approx(dbm))


@pytest.mark.parametrize(
    ("line", "rsrp", "rsrq", "sinr", "technology"),
    [
        (
            "+CPSI: LTE,Online,262-01,0x1234,27447553,345,EUTRAN-BAND3,1300,4,4,-110,-1017,-716,12",
            -101.7, -11.0, 1.2, "LTE",
        ),
        ("+CPSI: LTE CAT-M1,Online,262-01,0x1234,1,2,EUTRAN-BAND3,1300,4,4,-11,-95,-65,9", -95.0, -11.0, 9.0, "eMTC"),
        ("+CPSI: LTE NB-IOT,Online,262-01,0x1234,1,2,BAND20,6300,0,0,-11,-105,-95,3", -105.0, -11.0, 3.0, "NBIoT"),
        ("+CPSI: NO SERVICE,Online", None, None, None, "NO SERVICE"),
        ('+QCSQ: "NR5G",-95,11,-12', -95.0, -12.0, 11.0, "NR5G"),
        ("%CESQ: 60,2,20,3", -81.0, -10.0, None, ""),
        ("%CESQ: 255,0,255,0", None, None, None, ""),
    ],
)  # fmt: skip
def test_signal_of_vendors(
    line: str, rsrp: float | None, rsrq: float | None, sinr: float | None, technology: str
) -> None:
    signal = parse_signal([line])
    assert signal is not None
    found = (signal.rsrp, signal.rsrq, signal.sinr, signal.technology)
    assert found == (rsrp, rsrq, sinr, technology)


def test_a_card_has_time_to_start_before_it_counts_as_none() -> None:
    view = SimView(5.0)
    assert view.see(None, SimCondition.BUSY, 0.0) is None
    assert view.pending
    assert view.see(None, SimCondition.ABSENT, 4.0) is None
    fact = view.see(None, SimCondition.FAILURE, 5.0)
    assert fact is not None
    assert (fact.iccid, fact.condition, view.pending) == (None, SimCondition.FAILURE, False)
    assert view.see(None, SimCondition.FAILURE, 6.0) == fact
    shown = view.see(ICCID, SimCondition.READY, 7.0)
    assert shown is not None
    assert shown.iccid == ICCID


@pytest.mark.parametrize("condition", [SimCondition.READY, SimCondition.LOCKED, SimCondition.UNKNOWN])
def test_a_modem_that_cannot_tell_the_iccid_is_not_one_without_profile(condition: SimCondition) -> None:
    view = SimView(5.0)
    for now in (0.0, 10.0, 20.0):
        assert view.see(None, condition, now) is None
    assert not view.pending


def test_only_changes_are_told() -> None:
    told: list[RadioFact] = []
    notes = Told(told.append)
    bearer = BearerFact(session="0/-")
    for fact in (bearer, bearer, BearerFact(session=None), bearer):
        notes.tell(fact)
    assert len(told) == 3
    for dbm in (-90.0, -91.0, -92.0, -91.0, None, None):
        notes.tell(SignalFact(technology="lte", dbm=dbm, signal=Signal(rsrp=dbm)))
    assert [fact.dbm for fact in told if isinstance(fact, SignalFact)] == [-90.0, -92.0, None]
    domains = [RegistrationFact(status=RegistrationStatus.HOME, domain=name) for name in ("CEREG", "CGREG")]
    for fact in domains:
        notes.tell(fact)
    assert told[-1] == domains[0]
    assert sum(isinstance(fact, RegistrationFact) for fact in told) == 1


def test_a_modem_that_comes_back_is_told_anew() -> None:
    told: list[RadioFact] = []
    notes = Told(told.append)
    bearer = BearerFact(session="0/-")
    for condition in (ModemCondition.ON, ModemCondition.ABSENT, ModemCondition.ON):
        notes.tell(ModemFact(condition=condition))
        notes.tell(bearer)
    assert told.count(bearer) == 3


def test_a_sleep_is_told_once_and_its_end() -> None:
    told: list[RadioFact] = []
    notes = Told(told.append)
    for remaining, now in ((100.0, 0.0), (90.0, 10.0), (200.0, 20.0), (0.0, 30.0), (0.0, 31.0)):
        notes.sleep(remaining, now)
    assert told == [SleepFact(seconds=100.0), SleepFact(seconds=200.0), SleepFact()]


@pytest.mark.parametrize(
    ("line", "boot"),
    [
        ("RDY", True),
        ("APP RDY", True),
        ("+KSUP: 0", True),
        ("+READY", True),
        ("^SYSSTART", True),
        ("+CPIN: READY", False),
    ],
)
def test_lines_of_a_start(line: str, boot: bool) -> None:
    assert is_boot(line) is boot
