"""Parsers of identity, SIM, signal, operator, bearer, registration and time: real answers, odd fields."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.errors import ModemError
from ipad.ids import Iccid, Plmn
from ipad.modem import bearer, identity, network, nitz, registration, signal, sim
from ipad.modem.fields import hexadecimal, number, split_fields, split_prefix
from ipad.modem.registration import AccessTechnology, RegistrationStatus


def test_prefixes_and_fields_are_parted_in_every_spelling() -> None:
    assert split_prefix("+CREG:002,001") == ("+CREG", "002,001")
    assert split_prefix('+GTDUALSIM : 0, "SUB1"') == ("+GTDUALSIM", '0, "SUB1"')
    assert split_prefix("2026: a year") == ("", "2026: a year")
    assert split_fields(' 1, "a,b" ,,') == ("1", '"a,b"', "", "")
    assert split_fields("") == ()
    assert (number('"007"'), number("-3"), number("x"), number(None)) == (7, -3, None, None)
    assert (hexadecimal('"0x1F"'), hexadecimal("0 5"), hexadecimal("G")) == (31, 5, None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("+QCCID: 89860012345678901234", "89860012345678901234"),
        ("8986001234567890123", "8986001234567890123"),
        ("%XICCID: 8901234567012345678F", "8901234567012345678"),
        ('+CCID: "894450200511201337F"', "894450200511201337"),
        ("^ICCID: 98680021436587092143", "89860012345678901234"),
        ('+CRSM: 144,0,"98682100436587092143"', "89861200345678901234"),
        ("+CRSM: 144, 0, 988812010000400310F0", "898821100000043001 0".replace(" ", "")),
        ("!ICCID: 89 01 2345 6701 2345 6789", "89012345670123456789"),
    ],
)
def test_iccids_of_all_families(line: str, expected: str) -> None:
    assert str(identity.parse_iccid([line])) == expected


@pytest.mark.parametrize(
    "line", ["+CRSM: 106,130", "+CRSM: 144,0", "OK", "+CCID: 12", "+CCID: ABCDEF0123456789ABCD", ""]
)
def test_what_is_no_iccid_is_none(line: str) -> None:
    assert identity.parse_iccid([line]) is None


def test_swapped_digits_are_put_right_by_the_89_that_every_iccid_begins_with() -> None:
    assert identity.parse_iccid(["^ICCID: 98680021436587092143"]) == Iccid.parse("89860012345678901234")


def test_identity_comes_bare_prefixed_or_from_ati() -> None:
    assert identity.parse_text(["+CGMM: EG25"], "+CGMM") == "EG25"
    assert identity.parse_text(['"SARA-R510S"'], "+CGMM") == "SARA-R510S"
    assert identity.parse_text(["+OTHER: 1"], "+CGMM") == ""
    simcom = identity.parse_ati(["Manufacturer: SIMCOM INCORPORATED", "Model: A7670E", "Revision: V1", "IMEI: 1"])
    assert (simcom.manufacturer, simcom.model, simcom.revision) == ("SIMCOM INCORPORATED", "A7670E", "V1")
    quectel = identity.parse_ati(["Quectel", "EG25", "Revision: EG25GGBR07"])
    assert (quectel.manufacturer, quectel.model, quectel.revision) == ("Quectel", "EG25", "EG25GGBR07")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("490154203237518", "490154203237518"),
        ('+CGSN: "490154203237518"', "490154203237518"),
        ("354533027240300,PR29A1F08T", "354533027240300"),
        ("4901542032375181", "490154203237518"),
        ("49015420323751", None),
    ],
)
def test_imei(line: str, expected: str | None) -> None:
    imei = identity.parse_imei([line])
    assert (str(imei) if imei else None) == expected


def test_imsi() -> None:
    assert identity.parse_imsi(["+CIMI: 001010123456789"]) == "001010123456789"
    assert identity.parse_imsi(["00101x"]) is None


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("+CPIN: READY", sim.SimCondition.READY),
        ('+CPIN: "SIM PIN"', sim.SimCondition.LOCKED),
        ("+CPIN: PH-NET PIN", sim.SimCondition.LOCKED),
        ("+CPIN: NOT READY", sim.SimCondition.NOT_READY),
        ("+CPIN: EMPTY_EUICC", sim.SimCondition.EMPTY_EUICC),
        ("+CPIN: SIM REMOVED", sim.SimCondition.ABSENT),
        ("+CPIN: WHATEVER", sim.SimCondition.UNKNOWN),
    ],
)
def test_sim_states(line: str, condition: sim.SimCondition) -> None:
    state = sim.parse_cpin(line)
    assert state is not None
    assert state.condition is condition


@pytest.mark.parametrize(
    ("code", "condition"), [(10, "ABSENT"), (13, "FAILURE"), (14, "BUSY"), (11, "LOCKED"), (None, "UNKNOWN")]
)
def test_sim_states_of_errors(code: int | None, condition: str) -> None:
    assert sim.state_of_error(ModemError("x", code=code)).condition.name == condition


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("+QUSIM: 1", True),
        ("+CPIN: NOT READY", True),
        ("+CPIN: READY", False),
        ("#QSS: 0", True),
        ("+UUSIMSTAT: 9", True),
        ("%XSIM: 1", True),
        ("+SIM: Removed", True),
        ("+SIM DROP", True),
        ("+CEREG: 0", False),
    ],
)
def test_events_that_mean_another_card(line: str, changed: bool) -> None:
    assert sim.is_sim_change(line) is changed


def test_signal_in_dbm() -> None:
    csq = signal.parse_signal(["+CSQ: 20,99"])
    assert csq == signal.Signal(rssi=-73.0)
    assert signal.parse_signal(["+CSQ: 99,99"]) == signal.Signal()
    assert signal.parse_signal(["+CSQ: (0-31,99),(0-7,99)"]) is None
    lte = signal.parse_signal(["+CESQ: 99,99,255,255,20,57"])
    assert lte is not None
    assert (lte.rsrq, lte.rsrp, lte.rxlev, lte.known) == (-10.0, -84.0, None, True)
    nr = signal.parse_signal(["+CESQ: 99,99,255,255,255,255,65,75,60"])
    assert nr is not None
    assert (nr.rsrq, nr.rsrp, nr.sinr) == (-11.0, -82.0, 6.5)
    none = signal.parse_signal(["+CESQ: 99,99,255,255,255,255"])
    assert none is not None
    assert not none.known
    quectel = signal.parse_signal(['+QCSQ: "LTE",-52,-83,207,-14'])
    assert quectel is not None
    assert (quectel.rsrp, quectel.rsrq, quectel.sinr, quectel.rssi) == (-83.0, -14.0, 21.4, -52.0)
    assert signal.parse_signal(['+QCSQ: "NOSERVICE"']) == signal.Signal(technology="NOSERVICE")
    assert signal.parse_signal(['+QCSQ: "WCDMA",-70,-80,-5']) == signal.Signal(
        rssi=-70.0, rscp=-80.0, ecno=-5.0, technology="WCDMA"
    )


def test_operators() -> None:
    assert network.parse_cops('+COPS: 0,2,"26201",7') == network.Operator(
        0, Plmn("262", "01"), None, AccessTechnology.E_UTRAN
    )
    assert network.parse_cops("+COPS: 0,2,20201,7") == network.Operator(
        0, Plmn("202", "01"), None, AccessTechnology.E_UTRAN
    )
    assert network.parse_cops("+COPS: 0") == network.Operator(0)
    assert network.parse_cops('+COPS: 0,0,"Test Net"') == network.Operator(0, None, "Test Net")
    assert network.parse_cops("+CREG: 0") is None
    assert network.parse_cops_search('+COPS: (2,"L","S","26201",7),(1,,,"310410"),,(0-4),(0-2)') == (
        network.FoundOperator(2, "L", "S", "26201", AccessTechnology.E_UTRAN),
        network.FoundOperator(1, None, None, "310410", None),
    )


def test_bearers() -> None:
    assert bearer.parse_cgatt(["+CGATT: 1"]) is True
    assert bearer.parse_cgatt([]) is None
    assert bearer.parse_cgact(["+CGACT: 1,1", "+CGACT: 2,0", "+CGACT: 8,1"]) == (1, 8)
    addresses = bearer.parse_cgpaddr(
        [
            '+CGPADDR: 1,"10.1.2.3","254.128.0.0.0.0.0.0.0.0.0.37.88.136.248.1"',
            "+CGPADDR: 2,0.0.0.0",
            "+CGPADDR: 3,",
            "+CGPADDR: 4,10.0.0.9",
        ]
    )
    assert addresses == {
        1: (ip_address("10.1.2.3"), ip_address("fe80::25:5888:f801")),
        2: (),
        3: (),
        4: (ip_address("10.0.0.9"),),
    }
    both = bearer.parse_cgcontrdp('+CGCONTRDP: 1,5,"apn","10.1.2.3 2001:db8::1","","8.8.8.8"')
    assert both is not None
    assert both.addresses == (ip_address("10.1.2.3"), ip_address("2001:db8::1"))
    assert both.dns == (ip_address("8.8.8.8"),)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('+CEREG: 1,"002F","0012BEEF",7,,,"00000100","00100110"', (None, 1, 0x2F, 0x12BEEF, 7, None)),
        ('+CEREG: 3,3,"142D","04F2C791",7,0,15', (3, 3, 0x142D, 0x4F2C791, 7, 15)),
        ('+CEREG: 2,1,"4B00","01","0013F306",7', (2, 1, 0x4B00, 0x13F306, 7, None)),
        ('+CGREG: 2,1,"5949","0FFCAC04",7,"01"', (2, 1, 0x5949, 0xFFCAC04, 7, None)),
        ('+CGREG: 3,3,"5949","0FFCAC04",6,"01",0,14', (3, 3, 0x5949, 0xFFCAC04, 6, 14)),
        ('+CGREG: 3,3,"5949","0FFCAC04",6,0,14', (3, 3, 0x5949, 0xFFCAC04, 6, 14)),
        ("+CREG: 0,77", (0, 77, None, None, None, None)),
        ("+CEREG: 2", (None, 2, None, None, None, None)),
    ],
)
def test_registration_variants(line: str, expected: tuple[int | None, ...]) -> None:
    found = registration.parse_registration(line)
    assert found is not None
    technology = None if found.technology is None else int(found.technology)
    assert (found.n, found.stat_value, found.area, found.cell, technology, found.cause) == expected


def test_statuses_that_carry_data() -> None:
    capable = [status for status in RegistrationStatus if status.data_capable]
    assert [int(status) for status in capable] == [1, 5, 9, 10]
    assert RegistrationStatus(77) is RegistrationStatus.UNKNOWN
    assert AccessTechnology(99) is AccessTechnology.OTHER


@pytest.mark.parametrize(
    ("value", "utc", "expected"),
    [
        ('"26/05/01,10:00:00+08"', False, datetime(2026, 5, 1, 8, 0, tzinfo=UTC)),
        ('"2026/05/01,10:00:00+08,0"', True, datetime(2026, 5, 1, 10, 0, tzinfo=UTC)),
        ('"26/05/01,10:00:00-20"', False, datetime(2026, 5, 1, 15, 0, tzinfo=UTC)),
        ('"80/01/06,00:00:10+00"', False, None),
        ('"70/01/01,00:00:10"', False, None),
        ('"26/13/41,10:00:00+08"', False, None),
        ('"26/05/01,10:00:00+99"', False, None),
        ("", False, None),
    ],
)
def test_network_time(value: str, utc: bool, expected: datetime | None) -> None:
    assert nitz.parse_clock(value, utc=utc) == expected


@given(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "+CREG: ",
            "+CEREG:",
            "+CESQ: ",
            "+QCSQ: ",
            "+COPS: ",
            "+CGCONTRDP: 1,",
            "+CGPADDR: ",
            "+CPIN: ",
            "+CRSM: 144,0,",
        ]
    ),
)
def test_no_parser_ever_raises(text: str, prefix: str) -> None:
    line = prefix + text
    registration.parse_registration(line)
    signal.parse_signal([line])
    network.parse_cops(line)
    network.parse_cops_search(line)
    bearer.parse_cgcontrdp(line)
    bearer.parse_cgpaddr([line])
    bearer.parse_cgact([line])
    bearer.parse_cgatt([line])
    sim.parse_cpin(line)
    identity.parse_iccid([line])
    identity.parse_imei([line])
    identity.parse_imsi([line])
    identity.parse_ati([line])
    nitz.parse_clock(text)
