"""What a recording shows of a message."""

from __future__ import annotations

import pytest

from hil import tlv
from ipad.observe import redaction

HASH = bytes(range(32))
CONTEXT = tlv.build(0xA0, tlv.build(0x80, b"TOKEN"), tlv.build(0xA1, tlv.build(0x80, b"\x01\x02\x03\x04")))


def test_a_message_without_secrets_is_whole() -> None:
    request = bytes.fromhex("BF3E035C015A")
    assert redaction.message(request) == request.hex().upper()


@pytest.mark.parametrize("tag", [0xBF36, 0xBF23, 0xBF24, 0xBF26, 0xBF5F])
def test_packages_keys_and_access_parameters_are_left_out(tag: int) -> None:
    inner = tlv.build(tag, b"\x80\x04\xde\xad\xbe\xef")
    shown = redaction.message(tlv.build(0xBF3A, inner))
    assert "DEADBEEF" not in shown
    assert shown.endswith(f"{tag:X}06…(6)")


def test_hashed_confirmation_code_is_left_out() -> None:
    assert redaction.message(tlv.build(0xBF21, tlv.build(0x04, HASH))) == "BF21220420…(32)"


def test_matching_id_is_left_out_and_the_device_information_stays() -> None:
    shown = redaction.message(tlv.build(0xBF38, CONTEXT))
    assert b"TOKEN".hex().upper() not in shown
    assert "8005…(5)" in shown
    assert "A106800401020304" in shown


def test_matching_id_of_initiate_authentication_is_left_out() -> None:
    shown = redaction.message(tlv.build(0xBF39, tlv.build(0xA0, tlv.build(0x0C, b"TOKEN"))))
    assert shown == "BF3909A0070C05…(5)"


@pytest.mark.parametrize("code", [b"1$smdp.example.com$TOKEN", b"LPA:1$smdp.example.com$TOKEN"])
def test_activation_codes_are_left_out(code: bytes) -> None:
    shown = redaction.message(tlv.build(0xBF54, tlv.build(0xA0, tlv.build(0x80, code))))
    assert shown.endswith(f"…({len(code)})")


def test_long_values_are_left_out() -> None:
    assert redaction.message(tlv.build(0x94, bytes(129))) == "948181…(129)"
    assert redaction.message(tlv.build(0x94, bytes(2))) == "94020000"


@pytest.mark.parametrize("data", [b"\xbf\x3e\x7f\x00", b"\x00", bytes(500), b"\x80" * 50])
def test_what_cannot_be_read_is_left_out(data: bytes) -> None:
    assert redaction.message(data) == f"…({len(data)})"


def test_damaged_content_is_left_out() -> None:
    assert redaction.message(tlv.build(0xA0, b"\x80\x7fsecret")) == "A008…(8)"


def test_deep_nesting_is_no_trouble() -> None:
    data = b""
    for _ in range(2000):
        data = tlv.build(0xA0, data)
    assert len(redaction.message(data)) <= 4097


def test_long_messages_are_cut() -> None:
    data = b"".join(tlv.build(0x80, bytes(100)) for _ in range(50))
    shown = redaction.message(data)
    assert len(shown) == 4097
    assert shown.endswith("…")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AT+CPIN?", "AT+CPIN?"),
        ('AT+CSIM=26,"80E2910006BF3E035C015A"', 'AT+CSIM=26,"80E2910006…"'),
        ('+CSIM: 4,"9000"', '+CSIM: 4,"9000"'),
        ('+CGLA: 44,"BF3E125A10890490329000"', '+CGLA: 44,"BF3E125A10…"'),
    ],
)
def test_at_lines_keep_the_header_of_what_they_carry(line: str, shown: str) -> None:
    assert redaction.at_line(line) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("80E2910006 BF3E035C015A", "80E2910006"),
        ("80E29100FF 8681…(255)", "80E29100FF"),
        ("80E29101FF …(255)", "80E29101FF"),
        ("80E2910000 ", "80E2910000"),
        ("00C00000", "00C00000"),
        ("anything else", "…(6)"),
    ],
)
def test_of_a_command_the_header_stays(text: str, shown: str) -> None:
    assert redaction.command(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("9000", "9000"), ("BF3E 9000", "…(2) 9000"), ("BF3E…(255) 6100", "…(255) 6100"), ("?", "…(0)")]
)
def test_of_a_response_length_and_status_word_stay(text: str, shown: str) -> None:
    assert redaction.answer(text) == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "no body"),
        (b"\r\n", "no body"),
        (b'{"transactionId":"A1B2"}', '{"transactionId":"A1B2"}'),
        (
            b'{"smdpAddress":"smdp.example.com","euiccChallenge":"BAIBAg=="}',
            '{"smdpAddress":"smdp.example.com","euiccChallenge":"04020102"}',
        ),
        (
            b'{"header":{"functionExecutionStatus":{"status":"Executed-Success"}}}',
            '{"header":{"functionExecutionStatus":{"status":"Executed-Success"}}}',
        ),
        (b'{"boundProfilePackage":"vzYDAQID"}', '{"boundProfilePackage":"BF3603\\u2026(3)"}'),
        (b'{"eventEntries":[{"eventId":"SECRET"}]}', '{"eventEntries":"\\u2026(23)"}'),
        (b'{"surprise":"no base64!"}', '{"surprise":"\\u2026(10)"}'),
        (b'{"transactionId":"' + b"A" * 200 + b'"}', '{"transactionId":"\\u2026(200)"}'),
        (b"[1,2]", "…(5)"),
        (b"<html>", "…(6)"),
    ],
)
def test_of_a_json_body_data_objects_are_shown_like_messages_and_secrets_left_out(body: bytes, shown: str) -> None:
    assert redaction.json_body(body) == shown
