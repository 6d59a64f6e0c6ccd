"""What modems of other people said, through our parsers: an expectation for every sample."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ipad.card.answers import apdu_from_answer, session_id
from ipad.errors import CardError, ModemError
from ipad.modem.answer import AtAnswer
from ipad.modem.at import AtParser, Completed, Ignored, Urc
from ipad.modem.bearer import parse_cgcontrdp
from ipad.modem.errortext import error_code
from ipad.modem.fields import split_fields, split_prefix, unquote
from ipad.modem.identity import parse_imei
from ipad.modem.network import parse_cops, parse_cops_search
from ipad.modem.registration import parse_registration
from ipad.modem.signal import parse_signal
from ipad.modem.sim import SimCondition, parse_cpin, state_of_error
from ipad.modem.urc import UrcTable
from tests.captures.samples import Sample, needs_captures, read

OPEN = 'AT+CCHO="A0000005591010FFFFFFFF8900000100"'


class Dialogue:
    """A sample as a modem would have sent it, and what the AT parser makes of it."""

    def __init__(self, sample: Sample, command: str = "", *, tail: str = "") -> None:
        self.sample = sample
        self.parser = AtParser(UrcTable(("+QUSIM", "+CFUN", "RDY")))
        self.events: list[Any] = []
        self.answers: list[Completed] = []
        self.urcs: list[str] = []
        self.feed(command, wire(sample.lines) + tail)

    def feed(self, command: str, text: str) -> None:
        if command:
            self.parser.begin(command)
        self.events += self.parser.feed(text.encode())
        self.answers = [event for event in self.events if isinstance(event, Completed)]
        self.urcs = [event.line for event in self.events if isinstance(event, Urc)]

    @property
    def answer(self) -> AtAnswer:
        assert len(self.answers) == 1
        return AtAnswer("AT", self.answers[0].lines)


def wire(lines: Iterable[str]) -> str:
    text = "".join(f"{line}\r\n" for line in lines)
    return re.sub("<CR>", "\r", re.sub("<LF>|<ln>", "\n", text), flags=re.IGNORECASE)


def script(sample: Sample) -> list[tuple[str, Completed]]:
    """Commands of a sample, each with the result that the parser finds."""
    found: list[tuple[str, Completed]] = []
    parser = AtParser(UrcTable())
    command = ""
    for line in sample.lines:
        if line.startswith("AT") and not parser.running:
            command = line
            parser.begin(command)
        events = parser.feed(wire([line]).encode())
        found += [(command, event) for event in events if isinstance(event, Completed)]
    return found


def values(sample: Sample) -> list[tuple[str, str]]:
    """Prefix and value of every line."""
    return [split_prefix(line.strip()) for line in wire(sample.lines).splitlines() if line.strip()]


def at_01(sample: Sample) -> None:
    results = script(sample)
    assert [command for command, _ in results] == [
        "AT+CCHO=?",
        "AT+CCHC=?",
        "AT+CGLA=?",
        "AT+CCHC=1",
        "AT+CCHC=2",
        "AT+CCHC=3",
        "AT+CCHC=4",
    ]
    assert [result.ok for _, result in results] == [True, True, True, True, False, False, False]
    assert not any(result.lines for _, result in results)


def at_03(sample: Sample) -> None:
    close = AtParser(UrcTable())
    close.begin("AT+CCHC=1")
    events = close.feed(wire(sample.lines[:3]).encode())
    assert Completed(True, "OK", None, ()) in events
    rest = AtParser(UrcTable())
    rest.begin(OPEN)
    completed = [event for event in rest.feed(wire(sample.lines[3:]).encode()) if isinstance(event, Completed)]
    assert session_id(AtAnswer(OPEN, completed[0].lines)) == "1"


def at_04(sample: Sample) -> None:
    assert [(result.ok, result.final) for _, result in script(sample)] == [(False, "ERROR")]


def session(expected: str) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        assert session_id(Dialogue(sample, OPEN, tail="OK\r\n" if "OK" not in sample.lines else "").answer) == expected

    return check


def at_09(sample: Sample) -> None:
    command = sample.lines[0].partition(">")[2]
    dialogue = Dialogue(sample, command)
    assert apdu_from_answer("+CGLA", dialogue.answer) == b"\x90\x00"
    assert all(isinstance(event, Completed | Ignored) for event in dialogue.events)


def apdu(prefix: str, expected: str) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        command = sample.lines[0]
        answer = Dialogue(sample, command).answer
        response = apdu_from_answer(prefix, answer)
        assert response.hex().upper() == expected
        length, _, text = command.partition("=")[2].split(",", 1)[-1].rpartition(",")
        assert int(length.rpartition(",")[2] or command.partition("=")[2].split(",")[0]) == len(unquote(text))

    return check


def final_error(code: int | None, *, command: str = OPEN) -> Callable[[Sample], None]:
    def check(sample: Sample) -> None:
        result = Dialogue(sample, command).answers[0]
        assert not result.ok
        assert error_code(result.final, result.code) == code

    return check


def at_20(sample: Sample) -> None:
    opened = Dialogue(Sample(**{**vars(sample), "lines": sample.lines[:2]}), 'AT+CSIM=10,"0070000001"')
    assert apdu_from_answer("+CSIM", opened.answer) == bytes.fromhex("019000")
    refused = Dialogue(Sample(**{**vars(sample), "lines": sample.lines[2:]}), sample.lines[2])
    assert (refused.answers[0].ok, refused.answers[0].code) == (False, 0)


def at_25(sample: Sample) -> None:
    (line,) = Dialogue(sample, "AT+CRSM=176,12258,0,0,10").answers[0].lines
    sw1, sw2, data = split_fields(split_prefix(line)[1])
    assert (int(sw1) << 8 | int(sw2), unquote(data)) == (0x9408, "")


def at_28(sample: Sample) -> None:
    parser = AtParser(UrcTable())
    parser.begin('AT+CGLA=1,10,"80C0000015"')
    events = parser.feed(wire(sample.lines[:1]).encode())
    assert events == [Completed(False, "+CME ERROR: Incorrect parameters", None, ())]
    # The late answer belongs to nobody: it neither ends nor fills anything.
    late = parser.feed(wire(sample.lines[1:]).encode())
    assert all(isinstance(event, Ignored) for event in late)
    assert len(late) == 2


def at_33(sample: Sample) -> None:
    for _, value in values(sample):
        sw1, sw2, data = split_fields(value)
        assert (sw1, sw2) == ("144", "0")
        assert bytes.fromhex(unquote(data))[1:8] == b"THURAYA"


def at_34(sample: Sample) -> None:
    (line,) = Dialogue(sample, "AT+ESLOTSINFO?", tail="OK\r\n").answer.lines
    fields = [unquote(field) for field in split_fields(split_prefix(line)[1])]
    states = [state.condition for state in map(parse_cpin, fields) if state]
    assert states == [SimCondition.READY, SimCondition.EMPTY_EUICC]
    assert len(fields[11]) == 32


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


_KEY = "041481370F5125D0B1D408D4C3B232E6D25E795BEBFB"
EUICC_INFO1 = f"BF20358203020300A916{_KEY}AA16{_KEY}9000"
EXPECTED: dict[str, Callable[[Sample], None]] = {
    "at-01": at_01,
    "at-03": at_03,
    "at-04": at_04,
    "at-05": session("000000000385a7cf"),
    "at-06": session("00000000038aa32f"),
    "at-09": at_09,
    "at-13": session("1"),
    "at-14": apdu("+CGLA", "BF2E128010FDC5A60071053ABB4C0F91BC0620BCFD9000"),
    "at-15": apdu("+CGLA", EUICC_INFO1),
    "at-16": apdu("+CGLA", "9000"),
    "at-17": session("1"),
    "at-18": final_error(None),
    "at-19": final_error(13),
    "at-20": at_20,
    "at-25": at_25,
    "at-27": final_error(None),
    "at-28": at_28,
    "at-31": apdu("+CSIM", "BF31038001079000"),
    "at-33": at_33,
    "at-34": at_34,
    "at-35": final_error(4, command="AT^ICCID?"),
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
SAMPLES = read("at-apdu.txt") | read("modem-status.txt")


@needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert set(SAMPLES) == set(EXPECTED)


@needs_captures
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.id)
def test_sample(sample: Sample) -> None:
    EXPECTED[sample.id](sample)


@needs_captures
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.id)
def test_no_sample_breaks_a_parser_whatever_command_runs(sample: Sample) -> None:
    text = wire(sample.lines).encode()
    for command in ("AT", "AT+CEREG?", OPEN, 'AT+CGLA=1,10,"80C0000015"'):
        parser = AtParser(UrcTable())
        parser.begin(command)
        events = [event for octet in text for event in parser.feed(bytes((octet,)))]
        for event in events:
            if isinstance(event, Completed):
                try:
                    response = apdu_from_answer("+CGLA", AtAnswer(command, event.lines))
                except CardError:
                    continue
                assert len(response) >= 2
