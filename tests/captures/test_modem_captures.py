"""What other people's modems said of card and network, through our parsers: an expectation for every sample."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ipad.errors import ModemError
from ipad.modem.bearer import parse_cgcontrdp
from ipad.modem.errortext import error_code
from ipad.modem.fields import split_fields, unquote
from ipad.modem.identity import parse_imei
from ipad.modem.network import parse_cops, parse_cops_search
from ipad.modem.registration import parse_registration
from ipad.modem.signal import parse_signal
from ipad.modem.sim import SimCondition, parse_cpin, state_of_error
from tests.captures.dialogue import Dialogue, final_error, script, values, wire
from tests.captures.samples import Sample, needs_captures, read


def registrations(*expected: tuple[str, int | None, int, int | None]) -> Callable[[Sample], None]:
    """Domain, n, stat and technology of every registration line of a sample."""

    def check(sample: Sample) -> None:
        parsed = [parse_registration(line.strip()) for line in wire(sample.lines).splitlines()]
        found = [
            (entry.domain, entry.n, entry.stat_value, None if entry.technology is None else int(entry.technology))
            for entry in parsed
            if entry is not None
        ]
        assert found == list(expected)

    return check


def stat_01(sample: Sample) -> None:
    registrations(("CREG", 1, 1, None))(sample)
    entry = parse_registration(sample.lines[0])
    assert entry is not None
    assert (entry.area, entry.cell) == (0x27EF, 0x00F60416)


def stat_10(sample: Sample) -> None:
    registrations(("CREG", 2, 1, None))(sample)
    entry = parse_registration(sample.lines[0])
    assert entry is not None
    assert (entry.area, entry.cell) == (0x000B, 0x5249)


def stat_11(sample: Sample) -> None:
    registrations(("CREG", 2, 1, None))(sample)
    entry = parse_registration(sample.lines[0])
    assert entry is not None
    assert (entry.area, entry.cell) == (0x05, 0x5148)


def stat_18(sample: Sample) -> None:
    registrations(("C5GREG", 2, 1, 11))(sample)
    entry = parse_registration(sample.lines[0])
    assert entry is not None
    assert (entry.slice_length, entry.slices) == (6, "ABCDEF")


def search(*expected: tuple[int, str]) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        text = re.sub(r"[\r\n]", "", wire(sample.lines))
        assert [(entry.status, entry.digits) for entry in parse_cops_search(text)] == list(expected)

    return check


def stat_31(sample: Sample) -> None:
    operator = parse_cops(sample.lines[0])
    assert operator is not None
    assert (operator.mode, operator.name, operator.technology) == (1, "CHINA MOBILE", 7)


def stat_32(sample: Sample) -> None:
    operator = parse_cops(sample.lines[0])
    assert operator is not None
    assert (str(operator.plmn), operator.technology) == ("460-00", None)


def stat_33(sample: Sample) -> None:
    states = [parse_cpin(line) for line in sample.lines]
    assert [(state.condition, state.text) for state in states if state] == [
        (SimCondition.LOCKED, "SIM PIN"),
        (SimCondition.LOCKED, "PH-NET PIN"),
    ]


def contexts(*expected: tuple[int, list[str], int]) -> Callable[[Sample], None]:
    """Context, addresses and number of DNS servers of every line."""

    def check(sample: Sample) -> None:
        parsed = [parse_cgcontrdp(line) for line in sample.lines]
        assert [
            (entry.cid, [str(address) for address in entry.addresses], len(entry.dns)) for entry in parsed if entry
        ] == list(expected)

    return check


def stat_35(sample: Sample) -> None:
    for line in sample.lines:
        entry = parse_cgcontrdp(line)
        assert entry is not None
        assert [str(address) for address in entry.addresses] == ["2.197.17.49"]
        assert (entry.mask, str(entry.gateway)) == ("255.255.255.255", "2.197.17.49")
        assert [str(server) for server in entry.dns] == ["10.207.43.46", "10.206.56.132"]


def fields_of(prefix: str, *expected: tuple[str, ...]) -> Callable[[Sample], None]:
    """The first fields of every line with a prefix that we have no use for beyond parting it."""

    def check(sample: Sample) -> None:
        found = [tuple(map(unquote, split_fields(value))) for own, value in values(sample) if own == prefix]
        assert [entry[: len(start)] for entry, start in zip(found, expected, strict=True)] == list(expected)

    return check


def stat_47(sample: Sample) -> None:
    groups = [re.findall(r'\((\d),"([^"]+)"\)', value) for _, value in values(sample)]
    assert [len(entries) for entries in groups] == [4, 2]
    # Four groups without commas between them are no list of ours: nothing is read into them.
    assert all(len(split_fields(value)) > 1 for _, value in values(sample))


def stat_48(sample: Sample) -> None:
    assert Dialogue(sample).urcs == ["+CRING: VOICE"]


def stat_53(sample: Sample) -> None:
    entries = [entry for entry in map(parse_registration, sample.lines) if entry is not None]
    assert [(entry.n, entry.stat_value, entry.area, entry.cause) for entry in entries] == [
        (None, 2, None, 0),
        (None, 3, None, 15),
        (5, 0, None, 0),
    ]
    assert [(entry.status, entry.digits) for entry in parse_cops_search(sample.lines[0])] == [(1, "23002")]
    signals = [parse_signal([line]) for line in sample.lines[-2:]]
    assert [signal.rsrp for signal in signals if signal] == [None, None]
    assert signals[1] is not None
    assert not signals[1].known


def stat_55(sample: Sample) -> None:
    plain = parse_signal(sample.lines[:1])
    assert plain is not None
    assert plain.rssi == -51.0
    operator = parse_cops(sample.lines[1])
    assert operator is not None
    assert (str(operator.plmn), operator.technology) == ("250-11", 7)
    quectel = parse_signal([sample.lines[2]])
    assert quectel is not None
    assert (quectel.technology, quectel.rsrp) == ("LTE", -83.0)
    registrations(("CREG", 2, 3, None), ("CGREG", 2, 1, 7), ("CEREG", 2, 1, 7))(sample)


def stat_60(sample: Sample) -> None:
    registrations(("CREG", 2, 6, 7))(sample)
    fields_of("+XMCI", ("4", "510", "11", "0x1F02"))(sample)


def stat_62(sample: Sample) -> None:
    registrations(("CREG", 0, 0, None), ("CGREG", 0, 1, None), ("CEREG", 0, 1, None))(sample)
    operator = parse_cops(sample.lines[-1])
    assert operator is not None
    assert (operator.name, operator.technology) == ("242 01 Telenor", 9)


def stat_63(sample: Sample) -> None:
    dialogue = Dialogue(sample)
    assert dialogue.urcs == ["+CPIN: NOT READY", "RDY", "+CFUN: 1", "+CPIN: SIM PIN", "+CREG: 0,2"]
    registrations(("CREG", 0, 2, None))(sample)


def stat_64(sample: Sample) -> None:
    result = Dialogue(sample, "AT+CPIN?").answers[0]
    error = ModemError(result.final, code=error_code(result.final, result.code))
    assert state_of_error(error).condition is SimCondition.FAILURE


def stat_65(sample: Sample) -> None:
    results = script(sample)
    assert [(command, error_code(result.final, result.code)) for command, result in results] == [
        ("AT+CIMI", 10),
        ("AT+COPS?", 30),
    ]
    assert parse_signal(sample.lines) is None


def stat_67(sample: Sample) -> None:
    assert [(command, result.ok) for command, result in script(sample)] == [("AT+CPISI?", False)]
    signals = [parse_signal([line]) for line in sample.lines[2:4]]
    assert [signal.rssi for signal in signals if signal] == [None, -71.0]
    registrations(("CREG", 0, 2, None))(sample)


def stat_68(sample: Sample) -> None:
    (line,) = Dialogue(sample, "AT+CPIN?").answer.lines
    state = parse_cpin(line)
    assert state is not None
    assert state.condition is SimCondition.READY


def stat_71(sample: Sample) -> None:
    assert [(command, result.ok, result.code) for command, result in script(sample)] == [("AT+COPS=0", False, 30)]
    registrations(("CEREG", 2, 0, None))(sample)


def stat_72(sample: Sample) -> None:
    assert [(command, result.code) for command, result in script(sample)] == [("AT^DSCI=1", None), ("AT+CPIN?", 13)]


def stat_74(sample: Sample) -> None:
    imei = parse_imei(line.strip() for line in wire(sample.lines).splitlines())
    assert str(imei) == "354533027240300"


def stat_77(sample: Sample) -> None:
    assert Dialogue(sample).urcs == ["+CIEV: simdata,1,4"]


def stat_81(sample: Sample) -> None:
    assert values(sample) == [("+GTDUALSIM", '0, "SUB1", "NR"')]


def stat_83(sample: Sample) -> None:
    registrations(("CEREG", 3, 5, 13))(sample)
    entry = parse_registration(sample.lines[0])
    assert entry is not None
    assert (entry.cause_type, entry.cause) == (0, 0)


def stat_84(sample: Sample) -> None:
    dialogue = Dialogue(sample, "AT+CEREG?")
    assert dialogue.answer.lines == ("+CEREG: 2,1",)
    assert dialogue.urcs == ["+CGEV: ME PDN DEACT 1", '+CTZV: "26/08/19,14:00:00+32"']


EXPECTED: dict[str, Callable[[Sample], None]] = {
    "stat-01": stat_01,
    "stat-03": registrations(("CREG", 2, 0, None)),
    "stat-05": registrations(("CREG", 2, 1, None)),
    "stat-08": registrations(("CREG", None, 5, None), ("CGREG", None, 0, None)),
    "stat-09": registrations(("CGREG", 2, 1, None)),
    "stat-10": stat_10,
    "stat-11": stat_11,
    "stat-13": registrations(("CEREG", 1, 2, 7)),
    "stat-15": registrations(("CEREG", 2, 1, 7)),
    "stat-18": stat_18,
    "stat-20": search((2, "31026"), (1, "310410"), (1, "310410")),
    "stat-21": search((2, "310260"), (0, "310410")),
    "stat-22": search((2, "310410"), (3, "31026")),
    "stat-23": search((2, "310410"), (2, "3104100"), (1, "310260")),
    "stat-25": search((2, "31026"), (1, "31064"), (1, "31041")),
    "stat-27": search((2, "31026"), (1, "310410")),
    "stat-29": search((2, "21407"), (1, "21404"), (1, "21401"), (1, "21403"), (1, "21401"), (1, "21403")),
    "stat-31": stat_31,
    "stat-32": stat_32,
    "stat-33": stat_33,
    "stat-35": stat_35,
    "stat-36": stat_35,
    "stat-37": contexts((1, ["fe80::25:5888:f801"], 2), (1, ["2607:fb90:b59a:2c1:ad3:1b57:4fd4:21f4"], 2)),
    "stat-38": contexts((4, [], 0), (4, [], 0)),
    "stat-39": fields_of("^HCSQ", ("LTE", "30"), ("WCDMA",), ("GSM",), ("LTE", "33"), ("NOSERVICE",), ("NOSERVICE",)),
    "stat-40": fields_of("^SYSINFOEX", ("2", "4", "5", "1", ""), ("2", "4", "5", "1", "0", "3", "WCDMA")),
    "stat-46": fields_of("%IPDPADDR", ("2", "21.93.217.11"), ("5", "21.93.217.11"), ("3", "0.0.0.0")),
    "stat-47": stat_47,
    "stat-48": stat_48,
    "stat-49": fields_of("+UPINCNT", ("3", "3", "10", "10"), ("0", "3", "5", "5"), ("0", "0", "0", "0")),
    "stat-53": stat_53,
    "stat-55": stat_55,
    "stat-57": fields_of("+XLEC", ("0", "2", "3", "3", "BAND_LTE_7")),
    "stat-60": stat_60,
    "stat-62": stat_62,
    "stat-63": stat_63,
    "stat-64": stat_64,
    "stat-65": stat_65,
    "stat-67": stat_67,
    "stat-68": stat_68,
    "stat-69": final_error(3, command="AT+COPS=0"),
    "stat-70": registrations(("CEREG", None, 2, 9), ("CEREG", None, 90, None)),
    "stat-71": stat_71,
    "stat-72": stat_72,
    "stat-74": stat_74,
    "stat-76": registrations(("CREG", 1, 0, None)),
    "stat-77": stat_77,
    "stat-81": stat_81,
    "stat-83": stat_83,
    "stat-84": stat_84,
}
SAMPLES = read("modem-status.txt")


@needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert set(SAMPLES) == set(EXPECTED)


@needs_captures
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.id)
def test_sample(sample: Sample) -> None:
    EXPECTED[sample.id](sample)
