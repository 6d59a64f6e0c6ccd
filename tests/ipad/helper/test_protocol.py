"""One line each way: nothing that is not exactly right gets through."""

from __future__ import annotations

import json

import pytest

from ipad.errors import HelperError
from ipad.helper.protocol import (
    MAX_LINE,
    Answer,
    AttachMultiplexer,
    Kind,
    PowerCycle,
    PulseReset,
    Request,
    RunHook,
    SetClock,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

REQUESTS: list[Request] = [
    PulseReset("quectel-eg25"),
    PowerCycle("rpi-waveshare-5g"),
    AttachMultiplexer("rpi-waveshare-sim7080", anew=True),
    RunHook("netifd", ("up", "profile-changed"), {"IPAD_APN": "iot"}, "secret", 30.0),
    SetClock(1.8e9),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_arrives_as_it_was_sent(request_: Request) -> None:
    line = encode_request(request_)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_request(line) == request_


@pytest.mark.parametrize("answer", [Answer(ok=True, code=75), Answer(ok=False, kind=Kind.NOT_NOW, message="too soon")])
def test_an_answer_arrives_as_it_was_sent(answer: Answer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({}, "there is no action"),
        ({"action": "format-disk"}, "there is no action 'format-disk'; known: reset, power-cycle"),
        ({"action": ["reset"]}, "there is no action"),
        ({"action": "reset"}, "board is missing"),
        ({"action": "reset", "board": "../x"}, "expected the name of a board"),
        ({"action": "reset", "board": "a", "line": "gpio1"}, "unknown key line"),
        ({"action": "hook", "name": "../sh"}, "expected the name of a program"),
        ({"action": "hook", "name": ".hidden"}, "expected the name of a program"),
        ({"action": "hook", "name": "x", "arguments": ["--help"]}, "expected a word"),
        ({"action": "hook", "name": "x", "arguments": ["a"] * 5}, "at most 4 words"),
        ({"action": "hook", "name": "x", "variables": {"LD_PRELOAD": "/x.so"}}, "names IPAD_"),
        ({"action": "hook", "name": "x", "variables": {"IPAD_A": "x" * 257}}, "at most 256 characters"),
        ({"action": "hook", "name": "x", "variables": {"IPAD_A": "a\nb"}}, "control characters"),
        ({"action": "hook", "name": "x", "limit": 1e9}, "out of range"),
        ({"action": "set-clock", "seconds": "now"}, "expected a number"),
        ({"action": "multiplexer", "board": "a", "anew": 1}, "expected true or false"),
    ],
)
def test_a_request_with_anything_wrong_is_refused_with_the_reason(table: dict[str, object], problem: str) -> None:
    with pytest.raises(HelperError, match=problem) as caught:
        decode_request(json.dumps(table).encode() + b"\n")
    assert not caught.value.transient


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]\n", b"nonsense\n", b"\xff\n", b"[" * 4000 + b"\n", b" " * MAX_LINE + b"\n"]
)
def test_what_is_no_line_of_json_is_refused(line: bytes) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(HelperError, match=r"expected|no JSON"):
            decode(line)


@pytest.mark.parametrize(
    "answer", [{}, {"ok": 1, "code": 0}, {"ok": False, "kind": "odd", "message": ""}, {"ok": True}]
)
def test_an_answer_that_makes_no_sense_is_an_error(answer: dict[str, object]) -> None:
    with pytest.raises(HelperError, match="no answer"):
        decode_answer(json.dumps(answer).encode() + b"\n")


def test_the_secret_of_a_hook_is_not_repeated_when_it_is_refused() -> None:
    table = {"action": "hook", "name": "x", "text": "hunter2\u0007"}
    with pytest.raises(HelperError) as caught:
        decode_request(json.dumps(table).encode() + b"\n")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(RunHook("x", text="hunter2"))


def test_a_request_that_the_helper_would_not_read_is_not_sent() -> None:
    variables = {f"IPAD_{number}": "x" * 256 for number in range(32)}
    with pytest.raises(HelperError, match="more than 8192"):
        encode_request(RunHook("x", variables=variables))
