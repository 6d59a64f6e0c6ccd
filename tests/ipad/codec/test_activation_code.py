"""Activation codes as people and servers write them."""

import pytest

from ipad.codec.activation_code import ActivationCode
from ipad.errors import CodecError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LPA:1$smdp.example.io$04386-AGYFT", ActivationCode("smdp.example.io", "04386-AGYFT")),
        ("lpa:1$smdp.example.io$A", ActivationCode("smdp.example.io", "A")),
        ("1$smdp.example.io$A", ActivationCode("smdp.example.io", "A")),
        ("1$smdp.example.io$A$$1", ActivationCode("smdp.example.io", "A", None, True)),
        ("1$smdp.example.io$A$2.999.10", ActivationCode("smdp.example.io", "A", "2.999.10")),
        ("1$smdp.example.io$A$2.999.10$1", ActivationCode("smdp.example.io", "A", "2.999.10", True)),
        ("LPA:1$smdp.example.io$", ActivationCode("smdp.example.io", "")),
        ("1$smdp.example.io$A$", ActivationCode("smdp.example.io", "A")),
        ("1$smdp.example.io:8443$A", ActivationCode("smdp.example.io:8443", "A")),
        ("1$smdp.example.io$A$$1$later$fields", ActivationCode("smdp.example.io", "A", None, True)),
        ("  1$smdp.example.io$A\n", ActivationCode("smdp.example.io", "A")),
        ("https://qr.example.com/1$smdp.example.io$A-1", ActivationCode("smdp.example.io", "A-1")),
        ("https://x.example/setup?carddata=LPA:1$smdp.example.io$A", ActivationCode("smdp.example.io", "A")),
        ("LPA%3A1%24smdp.example.io%24A", ActivationCode("smdp.example.io", "A")),
    ],
)
def test_code_is_read(text: str, expected: ActivationCode) -> None:
    assert ActivationCode.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "format 1"),
        ("2$smdp.example.io$A", "format 1"),
        ("LPA:1$smdp.example.io", "fields"),
        ("1$$A", "no SM-DP\\+ address"),
        ("1$smdp.exam ple$A", "not allowed"),
        ("1$smdp.example.io/path$A", "no SM-DP\\+ address"),
        ("1$smdp.example.io$A\r\nHost: x", "not allowed"),
        ("1$smdp.exämple$A", "not allowed"),
        ("1$smdp.example.io$A_B", "token"),
        ("1$smdp.example.io$A$x$1", "no SM-DP\\+ OID"),
        ("1$smdp.example.io$A$1407", "no SM-DP\\+ OID"),
        ("1$smdp.example.io$A$$yes", "flag"),
        ("1$smdp.example.io$" + "A" * 255, "at most 255"),
    ],
)
def test_malformed_code_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        ActivationCode.parse(text)


def test_shortest_form_reads_back() -> None:
    for text in ("1$a.example$T", "1$a.example$T$2.999", "1$a.example$T$$1", "1$a.example$"):
        assert str(ActivationCode.parse(text)) == text


def test_mask_and_errors_hide_the_token() -> None:
    assert "SECRET" not in ActivationCode.parse("1$a.example$SECRET").masked()
    with pytest.raises(CodecError) as caught:
        ActivationCode.parse("1$a.example$SECRET_")
    assert "SECRET" not in str(caught.value)
