"""Board definitions: shipped ones, inheritance, errors with their place, selection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from ipad.board import BoardLibrary, Facts, Match, QuirkName
from ipad.board.hardware import PortPlace
from ipad.board.matching import score
from ipad.errors import ConfigError
from ipad.modem.quirks import Quirk


def library(tmp_path: Path, **files: str) -> BoardLibrary:
    for name, text in files.items():
        (tmp_path / f"{name.replace('_', '-')}.toml").write_text(text, encoding="utf-8")
    return BoardLibrary([tmp_path])


def test_a_definition_inherits_table_by_table(tmp_path: Path) -> None:
    boards = library(
        tmp_path,
        base='name = "base"\n[match]\nmodel = "X"\n[at]\nmax_line = 500\niccid = ["AT+A"]\ntimeouts = { cops = 10 }\n',
        own='name = "own"\nextends = "base"\n[at]\niccid = ["AT+B"]\ntimeouts = { apdu = 7 }\n',
    )
    own = boards.load("own")
    assert (own.at.max_line, own.at.iccid) == (500, ("AT+B",))
    assert (own.at.timeouts.cops, own.at.timeouts.apdu, own.at.timeouts.cfun) == (10, 7, 20)
    assert own.match == Match()


def test_a_file_of_the_user_replaces_the_shipped_one(tmp_path: Path) -> None:
    boards = library(tmp_path, quectel_eg25='name = "quectel-eg25"\nextends = "generic-3gpp"\ntitle = "mine"\n')
    assert boards.load("quectel-eg25").title == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\n[apdu]\nmax_dta = 1\n', r"x\.toml:3: unknown key apdu\.max_dta; did you mean apdu\.max_data"),
        ('name = "x"\n[apdu]\nmax_data = 256\n', r"x\.toml:3: apdu\.max_data: 256 is out of range"),
        ('name = "x"\n[apdu]\nmethod = ["ussd"]\n', r"x\.toml:3: apdu\.method: 'ussd': expected one of"),
        ('name = "x"\n[at]\ninit = ["rm -rf"]\n', r"x\.toml:3: at\.init: .* a command that begins with AT"),
        ('name = "x"\n[match]\nmodel = "("\n', r"x\.toml:3: match\.model: .* regular expression"),
        ('name = "x"\nquirks = ["no-cchc", "odd"]\n', r"x\.toml:2: quirks: 'odd': expected one of"),
        ('name = "y"\n', r"x\.toml:1: name: expected 'x'"),
        ('name = "x"\nextends = "nothing"\n', r"x\.toml:2: extends: there is no board definition 'nothing'"),
        ('name = "x"\nextends = "x"\n', "in a circle: x -> x"),
        ('name = "x"\nschema = 2\n', r"x\.toml:2: schema: 2 is out of range"),
        ('name = "x"\n[slots]\neuicc = 2\n', r"x\.toml:3: slots\.euicc: slot 2, but slots\.count is 1"),
        ('name = "x"\n[slots]\nselect = "AT+X=1"\n', r"x\.toml:3: slots\.select: expected \{slot\}"),
        ('name = "x"\n[slots]\ngpio = "sim"\n', r"x\.toml:3: slots\.gpio: needs reset\.hook"),
        ('name = "x"\n[mux]\nat = 2\n', r"x\.toml:2: mux\.data: must be another channel"),
        (
            'name = "x"\n[refresh]\nladder = ["power"]\n',
            r"x\.toml:3: refresh\.ladder: the rung power needs reset\.power",
        ),
        ('name = "x"\n[refresh]\nladder = ["simdet"]\n', r"x\.toml:3: refresh\.ladder: the rung simdet needs"),
        ('name = "x"\n[refresh.commands]\nrefit = []\n', r"x\.toml:3: refresh\.commands\.refit: expected one of wait"),
        ('name = "x"\n[[repair]]\nname = "r"\nchek = "AT"\n', r"x\.toml:4: unknown key repair\.chek; did you mean"),
        ('name = "x"\n[[repair]]\nname = "r"\n', r"x\.toml:2: repair\.check is missing"),
        ('name = "x"\nmodule = "quectel-eg25"\n', r"x\.toml:2: module: only a gateway"),
        ('name = "x"\nkind = "gateway"\nmodule = "nothing"\n', r"x\.toml:3: module: there is no board definition"),
        ('name = "x"\nkind = "gateway"\nmodule = "pinephone"\n', r"x\.toml:3: module: 'pinephone' is a gateway"),
        ('name = "x"\nkind = "gateway"\nextends = "quectel-eg25"\n', r"x\.toml:3: extends: 'quectel-eg25' is a module"),
        ('name = "x"\nextends = "pinephone"\n', r"x\.toml:2: extends: 'pinephone' is a gateway"),
        ('name = "x"\n[match]\nusb = ["2C7C"]\n', r"x\.toml:3: match\.usb: '2C7C': expected vendor:product"),
        ('name = "x\n', "not valid TOML"),
    ],
)
def test_faults_are_named_with_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        library(tmp_path, x=text).load("x")


def test_a_fault_in_an_inherited_file_names_that_file(tmp_path: Path) -> None:
    boards = library(tmp_path, base='name = "base"\n[refresh]\nsettel = 3\n', own='name = "own"\nextends = "base"\n')
    with pytest.raises(ConfigError, match=r"base\.toml:3: unknown key refresh\.settel"):
        boards.load("own")


@pytest.mark.parametrize("name", ["unknown", "../etc/passwd", ""])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no board definition") as caught:
        BoardLibrary().load(name)
    assert "generic-3gpp" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"usb": "2c7c:0125"}, "quectel-eg25"),
        ({"manufacturer": "Quectel", "model": "EC25"}, "quectel-eg25"),
        ({"manufacturer": "SIMCOM INCORPORATED", "model": "A7670E-LASE"}, "simcom-a7600"),
        ({"manufacturer": "u-blox", "model": "SARA-R510S"}, "ublox-sara-r5"),
        ({"manufacturer": "Sierra Wireless, Incorporated", "model": "EM7565"}, "sierra-em7565"),
        ({"manufacturer": "Acme", "model": "M1"}, "generic-3gpp"),
        ({}, "generic-3gpp"),
    ],
)
def test_a_modem_is_recognised(known: dict[str, str], expected: str) -> None:
    assert BoardLibrary().select(**known).name == expected


def test_every_given_key_must_match_and_more_keys_weigh_more() -> None:
    match = Match(usb=("2c7c:03*",), manufacturer="quectel", model="^EM", firmware="R06", board=("acme,*",))
    facts = Facts(usb="2C7C:030A", manufacturer="Quectel", model="EM05", firmware="EM05R06A")
    assert score(match, facts) == 4
    assert score(match, replace(facts, firmware="R07")) == 0
    assert score(match, replace(facts, usb="2c7c:0125")) == 0
    assert score(match, replace(facts, usb="")) == 3
    assert score(match, replace(facts, host=("acme,box", "acme"))) == 5
    assert score(match, replace(facts, host=("other,box",))) == 0
    assert score(match, Facts()) == 0


def test_candidates_come_best_first_with_their_reasons() -> None:
    facts = Facts(usb="1e0e:9001", manufacturer="SIMCOM INCORPORATED", model="SIMCOM_SIM7600E-H")
    first, second = BoardLibrary().candidates(facts)
    assert (first.name, first.score) == ("simcom-sim7600", 3)
    assert first.reasons == (
        "usb 1e0e:9001",
        "manufacturer SIMCOM INCORPORATED",
        "model SIMCOM_SIM7600E-H",
    )
    assert (second.name, second.score) == ("generic-simcom", 1)


def test_a_gateway_takes_from_its_modem_what_it_does_not_say(tmp_path: Path) -> None:
    boards = library(
        tmp_path,
        modem='name = "modem"\n[ports]\nat = { usb_if = 2 }\nat_fallback = { usb_if = 3 }\n[apdu]\nmax_data = 77\n',
        box='name = "box"\nkind = "gateway"\nmodule = "modem"\n[ports]\nat = { path = "/dev/ttyS1" }\n',
    )
    box = boards.load("box")
    assert (box.kind, box.module, box.apdu.max_data) == ("gateway", "modem", 77)
    assert box.ports.at == PortPlace(path="/dev/ttyS1")
    assert box.ports.at_fallback == PortPlace(usb_if=3)
    assert [path.name for path in boards.chain("box")] == ["box.toml", "modem.toml"]


def test_a_gateway_without_a_module_takes_the_one_that_was_found(tmp_path: Path) -> None:
    boards = library(tmp_path, box='name = "box"\nkind = "gateway"\n[refresh]\nsettle = 9\n')
    assert boards.load("box").apdu.max_data == 120
    box = boards.load("box", module="quectel-rm520n")
    assert (box.name, box.module, box.apdu.max_data, box.refresh.settle) == ("box", "quectel-rm520n", 255, 9)


def test_the_origin_of_a_value_is_its_file_and_line(tmp_path: Path) -> None:
    boards = library(
        tmp_path,
        base='name = "base"\n[at]\nmax_line = 500\n[ports]\nat = { usb_if = 1 }\n',
        own='name = "own"\nextends = "base"\n[ports]\nat = { path = "/dev/x" }\n',
    )
    assert boards.origin("own", ("at", "max_line")) == f"{tmp_path}/base.toml:3"
    assert boards.origin("own", ("ports", "at", "path")) == f"{tmp_path}/own.toml:4"
    assert boards.origin("own", ("ports", "at", "usb_if")) is None
    assert boards.origin("own", ("at", "probe_tries")) is None
    assert boards.origin("own", ("match", "usb")) is None


def test_a_file_is_checked_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nextends = "quectel-eg25"\n')
    assert BoardLibrary().check(tmp_path / "mine.toml").refresh.ladder == ("wait", "cfun0", "reset")
    (tmp_path / "mine.toml").write_text('name = "other"\n')
    with pytest.raises(ConfigError, match=r"mine\.toml:1: name: expected 'mine'"):
        BoardLibrary().check(tmp_path / "mine.toml")
    with pytest.raises(ConfigError, match="No such file"):
        BoardLibrary().check(tmp_path / "missing.toml")


def test_match_tables_are_found_however_they_are_written(tmp_path: Path) -> None:
    boards = library(
        tmp_path,
        a='name = "a"\n[match] # a comment\nmodel = "^ALPHA"\n[at]\nmax_line = 99\n',
        b='name = "b"\nmatch = { model = "^BETA" }\n',
        c='name = "c"\nmatch.model = "^GAMMA"\n',
    )
    found = [boards.select(model=model).name for model in ("Alpha-1", "Beta-1", "Gamma-1")]
    assert found == ["a", "b", "c"]


def test_a_faulty_match_is_named_with_its_line_when_a_modem_is_looked_for(tmp_path: Path) -> None:
    boards = library(tmp_path, x='name = "x"\n\n[match]\nmodel = "("\n')
    with pytest.raises(ConfigError, match=r"x\.toml:4: match\.model: .* regular expression"):
        boards.select(model="EC25")


def test_the_names_of_quirks_are_those_of_the_enum() -> None:
    assert set(get_args(QuirkName)) == {quirk.value for quirk in Quirk}
