from __future__ import annotations

from pathlib import Path

import pytest

from hil.clock import ManualClock
from hil.modem import CommandFault, Knobs, VirtualModem, load_personality, personality_names
from hil.modem.loading import DataError, change, load
from hil.modem.personality import Handle, parse_personality
from hil.network import Network
from tests.hil.modem.bench import ModemBench

MINIMAL = """
name = "x"
[identity]
manufacturer = "A"
model = "B"
revision = "C"
imei = "350000000000006"
"""


@pytest.mark.parametrize("name", personality_names())
def test_identity_of_each_personality_is_well_formed(name: str) -> None:
    personality = load_personality(name)
    assert personality.name == name
    total = 0
    for position, digit in enumerate(reversed(personality.identity.imei)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    assert total % 10 == 0
    bench = ModemBench(name)
    assert bench.send("AT+CGSN") == [personality.identity.imei, "OK"]
    assert bench.send("AT+CGSN=1") == [f'+CGSN: "{personality.identity.imei}"', "OK"]
    assert bench.send("AT+CGMI") == [personality.identity.manufacturer, "OK"]
    assert bench.send("AT+CFUN?") == ["+CFUN: 1", "OK"]
    assert bench.send("AT+CEREG?")[0].endswith(",1")


def test_the_expected_families_are_there() -> None:
    expected = {"plain", "quectel-eg25", "simcom-a7600", "ublox-sara-r5", "sierra-em7565"}
    assert expected <= set(personality_names())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1\n" + MINIMAL, "x.toml: unknown key 'colour'"),
        (MINIMAL + "[apdu]\nhandle = 'oct'\n", "x.toml.apdu.handle: expected one of"),
        (MINIMAL + "[apdu]\nmax_apdu = '261'\n", "x.toml.apdu.max_apdu: expected int"),
        (MINIMAL + "[apdu]\nmax_apdu = true\n", "x.toml.apdu.max_apdu: expected int"),
        (MINIMAL + "[sim]\nready = 'RDY'\n", "x.toml.sim.ready: expected a list"),
        (MINIMAL + "[sim]\nready = [1]\n", r"x.toml.sim.ready\[0\]: expected str"),
        ("name = 'x'", "x.toml: missing key 'identity'"),
        (MINIMAL.replace("06", "0"), "imei must have 15 digits"),
        ("name", "x.toml: "),
    ],
)
def test_wrong_data_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_personality(text, "x.toml")


def test_values_are_read_with_their_types() -> None:
    personality = parse_personality(
        MINIMAL + "[apdu]\nhandle = 'hex16'\ntimer = 3\n[fixed]\n'+X?' = ['+X: 1']\n", "x.toml"
    )
    assert personality.apdu.handle is Handle.HEX16
    assert personality.apdu.timer == 3.0
    modem = ModemBench(personality)
    assert modem.send("AT+X?") == ["+X: 1", "OK"]


def test_personality_from_a_file_and_unknown_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    assert load_personality(str(path)).identity.model == "B"
    with pytest.raises(DataError, match="no such file"):
        load_personality(str(tmp_path / "other.toml"))
    with pytest.raises(DataError, match="no personality 'nokia'; there are"):
        load_personality("nokia")


def test_unknown_vendor_command_is_refused_when_the_modem_is_made() -> None:
    personality = parse_personality(MINIMAL.replace('name = "x"', 'name = "x"\nvendor = ["+QWHAT"]'), "x.toml")
    with pytest.raises(ValueError, match=r"\+QWHAT"):
        VirtualModem(None, Network(), personality, ManualClock())


def test_knobs_from_a_mapping() -> None:
    knobs = load(Knobs, {"faults": [{"command": "+CGLA", "skip": 2}], "registration_cause": 3}, "knobs")
    assert knobs == Knobs(faults=(CommandFault("+CGLA", skip=2),), registration_cause=3)
    assert change(knobs, {"registration_cause": None}, "knobs").registration_cause is None
    with pytest.raises(DataError, match="knobs: unknown key 'colour'"):
        change(knobs, {"colour": 1}, "knobs")
    with pytest.raises(DataError, match="expected a table"):
        load(Knobs, [], "knobs")
    with pytest.raises(DataError, match="garbage must be hexadecimal"):
        load(Knobs, {"garbage": "xyz"}, "knobs")


def test_empty_holder() -> None:
    bench = ModemBench(fresh=True)
    modem = VirtualModem(None, Network(), load_personality("plain"), bench.clock)
    modem.on_output(bench.output.extend)
    bench.modem = modem
    modem.power_on()
    bench.clock.advance(2)
    bench.send("ATE0+CMEE=1")
    assert bench.send("AT+CPIN?") == ["+CME ERROR: 10"]
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,0"
