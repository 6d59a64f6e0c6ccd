"""Board definitions: shipped ones, inheritance, errors with their place, selection."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from ipad.board import BoardLibrary, Match, QuirkName, score, shipped_directory
from ipad.errors import ConfigError
from ipad.modem.quirks import Quirk, quirks

SHIPPED = BoardLibrary().names()


def library(tmp_path: Path, **files: str) -> BoardLibrary:
    for name, text in files.items():
        (tmp_path / f"{name.replace('_', '-')}.toml").write_text(text, encoding="utf-8")
    return BoardLibrary([tmp_path])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_definition_loads_with_title_and_known_quirks(name: str) -> None:
    board = BoardLibrary().load(name)
    assert board.name == name
    assert board.title
    assert board.at.iccid
    assert quirks(board) <= set(Quirk)


def test_the_definitions_of_the_first_personalities_are_there() -> None:
    assert {"generic-3gpp", "quectel-eg25", "simcom-a7600", "ublox-sara-r5", "sierra-em7565"} <= set(SHIPPED)
    assert (shipped_directory() / "README.md").is_file()


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
    match = Match(usb=("2c7c:03*",), manufacturer="quectel", model="^EM", firmware="R06")
    facts = {"usb": "2C7C:030A", "manufacturer": "Quectel", "model": "EM05", "firmware": "EM05R06A"}
    assert score(match, **facts) == 4
    assert score(match, **{**facts, "firmware": "R07"}) == 0
    assert score(match, **{**facts, "usb": "2c7c:0125"}) == 0
    assert score(match, **{**facts, "usb": ""}) == 3


def test_the_names_of_quirks_are_those_of_the_enum() -> None:
    assert set(get_args(QuirkName)) == {quirk.value for quirk in Quirk}
