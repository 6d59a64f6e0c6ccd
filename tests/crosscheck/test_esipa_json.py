"""The JSON binding of agent and bench, written apart: every message comes back as the bytes that it was."""

from __future__ import annotations

import pytest

from hil.eim.json_binding import PATH, to_body, to_message
from ipad.esipa import json_binding
from ipad.esipa.json_messages import call, message
from tests.vectors.sgp32 import VECTORS

_REQUESTS = ("GEP", "PR", "HN", "IA", "AC", "GB", "CS")
_ANSWERS = {"GER": "GEP1", "PA": "PR1", "IB": "IA1", "AD": "AC1", "GC": "GB1", "CT": "CS1"}
_ONE_FORM = {"CS2": "CS1", "CS3": "CS1"}


def vector(key: str) -> bytes:
    return bytes.fromhex(VECTORS[key]["hex"])


def kind(key: str) -> str:
    return key.rstrip("0123456789")


def test_both_use_one_path() -> None:
    assert json_binding.PATH == PATH


@pytest.mark.parametrize("key", [key for key in VECTORS if kind(key) in _REQUESTS])
def test_request_arrives_as_it_was_sent(key: str) -> None:
    asked = call(vector(key))
    assert to_message(PATH + asked.function, asked.body) == vector(_ONE_FORM.get(key, key))


@pytest.mark.parametrize("key", [key for key in VECTORS if kind(key) in _ANSWERS])
def test_answer_arrives_as_it_was_sent(key: str) -> None:
    expected = vector(key)
    if key in ("IB5", "IB6", "AD6", "GC2"):  # codes that are the eIM's own have no pair in JSON
        expected = expected[:-1] + b"\x7f"
    assert message(call(vector(_ANSWERS[kind(key)])), to_body(vector(key))) == expected
