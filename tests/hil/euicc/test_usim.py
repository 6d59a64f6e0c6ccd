"""AUTHENTICATE on the card: the USIM of the enabled profile, challenged by one who knows its key and by others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil.aka import AkaKey, Algorithm, challenge
from hil.euicc import VirtualEuicc
from hil.euicc.config import default_card
from hil.pki import Pki

AID = bytes.fromhex("A0000000871002")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=default_card().eid)


@pytest.fixture
def card(pki: Pki, tmp_path: Path) -> VirtualEuicc:
    card = VirtualEuicc.create(tmp_path / "card", default_card(), pki)
    card.reset()
    return card


def select(card: VirtualEuicc) -> None:
    assert card.transmit(bytes([0x00, 0xA4, 0x04, 0x0C, len(AID)]) + AID) == b"\x90\x00"


def key_of(card: VirtualEuicc) -> AkaKey:
    profile = card.engine.state.enabled_profile
    assert profile is not None
    assert profile.aka is not None
    return profile.aka


def authenticate(card: VirtualEuicc, rand: bytes, autn: bytes, head: str = "0088008122") -> bytes:
    data = bytes([len(rand)]) + rand + bytes([len(autn)]) + autn
    answer = card.transmit(bytes.fromhex(head) + data)
    if answer[-2] == 0x61:
        answer = card.transmit(bytes([0x00, 0xC0, 0x00, 0x00, answer[-1]]))
    return answer


def test_genuine_challenge_is_answered_once_and_remembered(card: VirtualEuicc, pki: Pki, tmp_path: Path) -> None:
    select(card)
    rand, autn, expected = challenge(key_of(card), 64)
    answer = authenticate(card, rand, autn)
    assert answer[:2] + answer[-2:] == b"\xdb\x08\x90\x00"
    assert answer[2:10] == expected
    assert (answer[10], answer[27], len(answer)) == (16, 16, 46)
    again = VirtualEuicc.open(tmp_path / "card", pki)
    again.reset()
    select(again)
    late = authenticate(again, rand, autn)
    assert (late[:2], len(late), late[-2:]) == (b"\xdc\x0e", 18, b"\x90\x00")


def test_profile_with_gsm_access_gives_kc(card: VirtualEuicc) -> None:
    profile = card.engine.state.enabled_profile
    assert profile is not None
    table = next(file for file in profile.files if file.file_id == 0x6F38)
    content = bytearray(table.content)
    content[3] |= 0x04
    files = tuple(replace(file, content=bytes(content)) if file is table else file for file in profile.files)
    card.engine.commit(card.engine.state.with_profile(profile.iccid, lambda item: replace(item, files=files)))
    select(card)
    rand, autn, _ = challenge(key_of(card), 64)
    answer = authenticate(card, rand, autn)
    assert (answer[44], len(answer)) == (8, 55)


def test_challenge_of_a_stranger_is_refused(card: VirtualEuicc) -> None:
    select(card)
    rand, autn, _ = challenge(AkaKey(Algorithm.MILENAGE, bytes(16), bytes(16)), 64)
    assert authenticate(card, rand, autn) == bytes.fromhex("9862")


def test_command_is_checked(card: VirtualEuicc) -> None:
    rand, autn, _ = challenge(key_of(card), 64)
    assert authenticate(card, rand, autn) == bytes.fromhex("6985")
    select(card)
    assert authenticate(card, rand, autn, "0088008022") == bytes.fromhex("6A86")
    assert authenticate(card, rand, autn[:-1], "0088008121") == bytes.fromhex("6700")
    assert authenticate(card, rand[:-1], autn + b"\0") == bytes.fromhex("6A80")


def test_algorithm_that_the_card_does_not_have_is_not_supported(card: VirtualEuicc) -> None:
    profile = card.engine.state.enabled_profile
    assert profile is not None
    tuak = AkaKey(Algorithm.TUAK, bytes(16), bytes(32))
    card.engine.commit(card.engine.state.with_profile(profile.iccid, lambda item: replace(item, aka=tuak)))
    select(card)
    assert authenticate(card, bytes(16), bytes(16)) == bytes.fromhex("6A81")
