"""The definitions that come with the agent: each loads, says where it comes from, and works on a virtual modem."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import get_args

import pytest

from hil.modem import load_personality, personality_names
from ipad.board import BoardLibrary, QuirkName, Rung, shipped_directory
from ipad.board.behaviour import Repair
from ipad.ids import Iccid
from ipad.toml import build, read
from tests.hil.modem.fake_card import AWAY, EID_ANSWER, EID_REQUEST, HOME, SWITCH_ANSWER, SWITCH_REQUEST, FakeCard
from tests.ipad.board_reference import PAGE, page_with, reference
from tests.ipad.card.test_with_virtual_modem import device

LIBRARY = BoardLibrary()
SHIPPED = LIBRARY.names()
BOARDS = {name: LIBRARY.load(name) for name in SHIPPED}
MODULES = [name for name, board in BOARDS.items() if board.kind == "module"]
GATEWAYS = [name for name, board in BOARDS.items() if board.kind == "gateway"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_definition_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    board = BOARDS[name]
    own = read(LIBRARY.path(name)).table
    assert board.name == name
    assert {"title", "confidence", "source"} <= set(own), "these are never inherited"
    assert board.title
    assert board.source
    assert board.rats
    assert board.at.iccid


@pytest.mark.parametrize("name", SHIPPED)
def test_a_definition_names_a_personality_that_behaves_like_it(name: str) -> None:
    assert BOARDS[name].personality in personality_names()


def test_there_are_enough_of_them() -> None:
    specific = [name for name in MODULES if not name.startswith("generic-")]
    assert len(specific) >= 30
    assert len([name for name in specific if BOARDS[name].confidence != "low"]) >= 30
    assert len(GATEWAYS) >= 12
    assert (shipped_directory() / "README.md").is_file()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_quick_reading_of_a_match_table_gives_what_the_strict_one_gives(name: str) -> None:
    assert BOARDS[name].match == LIBRARY.match(name)


def test_every_quirk_is_used_and_every_personality_has_a_definition() -> None:
    assert {quirk for board in BOARDS.values() for quirk in board.quirks} == set(get_args(QuirkName))
    assert {board.personality for board in BOARDS.values()} == set(personality_names())


def test_every_key_of_a_repair_is_checked_when_it_is_read() -> None:
    rules = [rule for board in BOARDS.values() for rule in board.repair]
    assert rules
    for rule in rules:
        assert isinstance(rule, Repair)
        assert re.compile(rule.expect)
        assert {item.name for item in fields(rule)} == {"name", "check", "expect", "commands", "needs_reset"}


# What the modems answer to AT+CGMI and AT+CGMM.
IDENTITIES = [
    ("Quectel", "EG25", "quectel-eg25"),
    ("Quectel", "EC25", "quectel-eg25"),
    ("Quectel", "EC21", "quectel-ec21"),
    ("Quectel", "EC20F", "quectel-ec20"),
    ("Quectel", "EG95", "quectel-eg95"),
    ("Quectel", "EG06", "quectel-eg06"),
    ("Quectel", "EM05-G", "quectel-em05"),
    ("Quectel", "EG916Q-GL", "quectel-eg916q"),
    ("Quectel", "EG912Y", "quectel-eg912y"),
    ("Quectel", "EC200A", "quectel-ec200"),
    ("Quectel", "BG96", "quectel-bg96"),
    ("Quectel_Ltd", "BG95-M3", "quectel-bg95"),
    ("Quectel", "RM500Q-GL", "quectel-rg500q"),
    ("Quectel", "RM520N-GL", "quectel-rm520n"),
    ("Quectel", "RG650E-EU", "quectel-rg650e"),
    ("Quectel", "SC66", "generic-quectel"),
    ("Telit", "LE910C4-EU", "telit-le910c4"),
    ("Telit", "ME310G1-WW", "telit-me310g1"),
    ("Telit", "FN990", "telit-fn990"),
    ("Cinterion", "PLS63-W", "cinterion-pls63"),
    ("Cinterion", "PLS62-W", "cinterion-pls62"),
    ("Cinterion", "TX62-W", "cinterion-tx62"),
    ("Thales", "MV31-W", "cinterion-mv31"),
    ("Telit Cinterion", "ELS63-I", "cinterion-els63"),
    ("u-blox", "SARA-R510S", "ublox-sara-r5"),
    ("u-blox", "SARA-R410M-02B", "ublox-sara-r4"),
    ("u-blox", "LARA-R6001", "ublox-lara-r6"),
    ("u-blox", "LARA-L6004", "ublox-lara-l6"),
    ("Nordic Semiconductor ASA", "nRF9160-SICA", "nordic-nrf91"),
    ("Sierra Wireless, Incorporated", "EM7565", "sierra-em7565"),
    ("Sierra Wireless, Incorporated", "MC7455", "sierra-em7565"),
    ("Sierra Wireless, Incorporated", "WP7607", "sierra-wp7607"),
    ("Sierra Wireless, Incorporated", "EM9191", "sierra-em9191"),
    ("Sierra Wireless", "HL7812", "sierra-hl7812"),
    ("Fibocom Wireless Inc.", "L850-GL", "fibocom-l850"),
    ("Fibocom Wireless Inc.", "L860-GL-16", "fibocom-l860"),
    ("Fibocom Wireless Inc.", "FM350-GL", "fibocom-fm350"),
    ("MediaTek", "FM350-GL", "fibocom-fm350"),
    ("Fibocom", "NL668-AM", "fibocom-nl668"),
    ("Fibocom", "L610-EU", "fibocom-l610"),
    ("Fibocom", "FG132-GL", "fibocom-fg132"),
    ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "simcom-sim7600"),
    ("SIMCOM INCORPORATED", "SIMCOM_SIM7080", "simcom-sim7080"),
    ("SIMCOM INCORPORATED", "A7670E-LASE", "simcom-a7600"),
    ("MEIG", "SLM770A-EAU", "meig-slm770"),
    ("Foxconn", "T99W175", "foxconn-t99w175"),
    ("Acme", "M1", "generic-3gpp"),
]


@pytest.mark.parametrize(("manufacturer", "model", "expected"), IDENTITIES)
def test_a_modem_is_recognised_by_what_it_answers(manufacturer: str, model: str, expected: str) -> None:
    assert LIBRARY.select(manufacturer=manufacturer, model=model).name == expected


@pytest.mark.parametrize("name", MODULES)
def test_an_id_on_the_bus_leads_to_one_definition_that_answers_to_it(name: str) -> None:
    match = BOARDS[name].match
    for usb in match.usb:
        assert LIBRARY.select(usb=usb).name == name
    for pci in match.pci:
        assert LIBRARY.select(pci=pci).name == name


@pytest.mark.parametrize("personality", personality_names())
def test_the_agent_chooses_a_definition_that_knows_the_personality(personality: str) -> None:
    identity = load_personality(personality).identity
    assert LIBRARY.select(manufacturer=identity.manufacturer, model=identity.model).personality == personality


@pytest.mark.asyncio
@pytest.mark.parametrize("name", MODULES)
async def test_a_definition_works_on_its_personality(name: str) -> None:
    """Read the EID, switch a profile, follow the switch, read again: all by what the definition says."""
    board = BOARDS[name]
    async with device(board.personality, board=board, card=FakeCard(qualifier=4)) as bench:
        assert await bench.session.transceive(EID_REQUEST) == EID_ANSWER
        assert await bench.modem.iccid() == Iccid.parse(HOME.iccid)
        assert await bench.session.transceive(SWITCH_REQUEST) == SWITCH_ANSWER
        await bench.connectivity.recover_sim(Iccid.parse(AWAY.iccid))
        assert await bench.modem.iccid() == Iccid.parse(AWAY.iccid)
        assert await bench.session.transceive(EID_REQUEST, repeatable=True) == EID_ANSWER


def test_the_reference_page_has_every_key_of_the_schema() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page_with(reference()), "write it anew with: python -m tests.ipad.board_reference"


def test_the_reference_page_names_every_quirk_and_every_rung() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in (*get_args(QuirkName), *get_args(Rung)):
        assert f"| `{name}` |" in text


def test_a_definition_without_a_change_is_read_from_its_file() -> None:
    document = read(shipped_directory() / "generic-3gpp.toml")
    assert build(type(BOARDS["generic-3gpp"]), document, document.table) == BOARDS["generic-3gpp"]
