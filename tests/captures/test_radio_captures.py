"""What modems of other people said about the radio, as the facts that a watch would tell."""

from __future__ import annotations

import re

import pytest

from ipad.board import BoardLibrary
from ipad.modem.network import parse_cops
from ipad.modem.radio_view import RadioView
from ipad.modem.registration import RegistrationStatus, parse_registration
from ipad.modem.signal import parse_signal
from tests.captures.samples import needs_captures, read

FILE = "modem-status.txt"


def lines(identifier: str) -> list[str]:
    text = "\n".join(read(FILE)[identifier].lines)
    return [line.strip() for line in re.sub("<CR>|<LF>", "\n", text).split("\n") if line.strip()]


def view_of(identifier: str, board: str) -> RadioView:
    view = RadioView(BoardLibrary().load(board))
    for line in lines(identifier):
        entry = parse_registration(line)
        if entry is not None:
            view.take(entry)
        operator = parse_cops(line)
        if operator is not None:
            view.serve(operator)
    return view


@needs_captures
@pytest.mark.parametrize(
    ("identifier", "board", "status", "technology"),
    [
        ("stat-55", "quectel-eg06", RegistrationStatus.HOME, "lte"),  # denied for calls, home for packets
        ("stat-60", "fibocom-l850", RegistrationStatus.HOME_SMS_ONLY, "lte"),
        ("stat-62", "simcom-sim7080", RegistrationStatus.HOME, "nb-iot"),
        ("stat-70", "nordic-nrf91", RegistrationStatus.UICC_FAILURE, None),
        ("stat-83", "quectel-rm520n", RegistrationStatus.ROAMING, "nr5g"),
    ],
)
def test_registration(identifier: str, board: str, status: RegistrationStatus, technology: str | None) -> None:
    fact = view_of(identifier, board).registration()
    assert (fact.status, fact.technology) == (status, technology)


@needs_captures
def test_a_refusal_behind_empty_fields() -> None:
    """Quectel BC66: one field more than TS 27.007 has in front of the cause."""
    view = RadioView(BoardLibrary().load("generic-lpwa"))
    entries = [entry for entry in map(parse_registration, lines("stat-53")) if entry is not None]
    causes = []
    for entry in entries:
        view.take(entry)
        causes.append((view.registration().status, view.registration().cause))
    assert causes == [
        (RegistrationStatus.SEARCHING, None),
        (RegistrationStatus.DENIED, 15),
        (RegistrationStatus.NOT_SEARCHING, None),
    ]


@needs_captures
@pytest.mark.parametrize(
    ("identifier", "board", "prefix", "technology", "dbm"),
    [
        ("stat-53", "generic-lpwa", "+CESQ", "lte-m", None),  # codes without a cell
        ("stat-55", "quectel-eg06", "+QCSQ", "lte", -83.0),
        ("stat-62", "simcom-sim7080", "+CPSI", "nb-iot", -77.0),
    ],
)
def test_signal(identifier: str, board: str, prefix: str, technology: str, dbm: float | None) -> None:
    view = view_of(identifier, board)
    fact = view.signal(parse_signal([line for line in lines(identifier) if line.startswith(prefix)]))
    assert (fact.technology, fact.dbm) == (technology, dbm)
