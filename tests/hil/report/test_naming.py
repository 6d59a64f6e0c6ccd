"""Events say by name what their bytes are."""

from __future__ import annotations

import pytest

from hil.report.naming import describe
from hil.suite.record import EventRecord


@pytest.mark.parametrize(
    ("data", "text", "shown"),
    [
        ("81E2910003BF3E00", "STORE DATA", "STORE DATA: GetEID"),
        ("81E2110078BF5182010A", "STORE DATA", "STORE DATA: LoadEuiccPackage, block 0"),
        ("81E2910105BF3E000000", "STORE DATA", "STORE DATA: block 1, the last"),
        ("81E2910003820100", "STORE DATA", "STORE DATA: block 0, the last"),
        ("81C0000000", "GET RESPONSE", "GET RESPONSE"),
        ("0070000001", "MANAGE CHANNEL", "MANAGE CHANNEL"),
    ],
)
def test_commands(data: str, text: str, shown: str) -> None:
    assert describe(EventRecord(0.0, "APDU", ">", text, len(data) // 2, data)) == shown


@pytest.mark.parametrize(
    ("data", "word", "shown"),
    [
        ("9000", "9000", "SW 9000: done"),
        ("BF2D0500", "9000", "SW 9000: GetProfilesInfo, done"),
        ("6100", "6100", "SW 6100: 256 bytes wait"),
        ("6115", "6115", "SW 6115: 21 bytes wait"),
        ("6C0A", "6C0A", "SW 6C0A: asked for the wrong length, 10 is right"),
        ("910B", "910B", "SW 910B: done, a proactive command of 11 bytes waits"),
        ("63C2", "63C2", "SW 63C2: 2 tries left"),
        ("6310", "6310", "SW 6310"),
        ("6985", "6985", "SW 6985: conditions of use not satisfied"),
        ("9F10", "9F10", "SW 9F10"),
    ],
)
def test_answers(data: str, word: str, shown: str) -> None:
    assert describe(EventRecord(0.0, "APDU", "<", f"SW {word}", len(data) // 2, data)) == shown


def test_what_is_no_apdu_keeps_its_text() -> None:
    assert describe(EventRecord(0.0, "ESIPA", ">", "eim1 GetEimPackage", 3, "BF4F00")) == "eim1 GetEimPackage"
    assert describe(EventRecord(0.0, "APDU", "", "reset")) == "reset"
    assert describe(EventRecord(0.0, "APDU", "<", "no answer", 1, "00")) == "no answer"
