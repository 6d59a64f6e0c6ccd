"""Activation codes that an owner names: what is accepted, that each is used once, and that nobody gets to see one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from hil.suite.activation import ActivationCode, NamedCodes, NoCodeError, read_code_file, read_codes
from hil.suite.errors import TargetError
from hil.suite.secrecy import LogFilter, Secrets

PLAIN = "1$smdp.example.com$ABCD-1234"
CONFIRMED = "1$smdp.example.com$WXYZ-5678$$1"


# Reading


def test_codes_are_texts_or_tables() -> None:
    first, second = read_codes([f"LPA:{PLAIN}", {"code": CONFIRMED, "confirmation_code": "4711"}], "codes")
    assert (first.address, first.secret, first.confirmation_code) == ("smdp.example.com", "ABCD-1234", None)
    assert (second.secret, second.confirmation_code) == ("WXYZ-5678", "4711")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (PLAIN, "codes: expected a list of activation codes, found str"),
        ([7], "codes[0]: expected an activation code, or a table with `code`, found int"),
        ([{"kode": PLAIN}], "codes[0]: unknown key 'kode', there are code, confirmation_code"),
        ([{}], "codes[0]: missing key 'code'"),
        (
            [{"code": PLAIN, "confirmation_code": 4711}],
            "codes[0].confirmation_code: expected text in quotes, found int",
        ),
        ([{"code": PLAIN, "confirmation_code": ""}], "codes[0]: expected a confirmation code of 1 to 256 characters"),
        (["2$smdp.example.com$ABCD-1234"], "codes[0]: expected an activation code 1$ADDRESS$MATCHING-ID"),
        (["1$$ABCD-1234"], "codes[0]: expected an activation code"),
        (["1$smdp.example.com$abcd-1234"], "codes[0]: expected an activation code"),
        ([f"{PLAIN}{'A' * 240}"], "of at most 255 characters"),
        ([CONFIRMED], "codes[0]: the activation code says that it needs a confirmation code, and none is named"),
        ([PLAIN, f"LPA:{PLAIN}"], "codes[1]: the same activation code as codes[0]; each is used once"),
    ],
)
def test_what_is_no_code_is_refused_without_being_quoted(value: object, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_codes(value, "codes")
    assert said in str(caught.value)
    for secret in ("ABCD", "abcd", "WXYZ", "4711"):
        assert secret not in str(caught.value)


def test_file_has_a_code_in_each_line(tmp_path: Path) -> None:
    path = tmp_path / "codes.txt"
    path.write_text(f"# from the operator\n\n{PLAIN}\n  {CONFIRMED}   47 11 \n")
    assert [code.confirmation_code for code in read_code_file(path)] == [None, "47 11"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "codes.txt: No such file or directory"),
        (b"\xff\xfe", "codes.txt: expected text in UTF-8"),
        (b"# nothing\n", "codes.txt: expected an activation code in a line, found none"),
        (f"\n{PLAIN}\nABCD-1234\n".encode(), "codes.txt, line 3: expected an activation code"),
    ],
)
def test_file_that_has_none_says_so(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "codes.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TargetError) as caught:
        read_code_file(path)
    assert said in str(caught.value)
    assert "ABCD" not in str(caught.value)


def test_repr_shows_no_code() -> None:
    assert repr(ActivationCode(PLAIN, "4711")) == "ActivationCode()"


# Use


def codes(tmp_path: Path) -> NamedCodes:
    """Two plain codes and one with a confirmation code, after what `tmp_path` remembers."""
    named = read_codes([PLAIN, {"code": CONFIRMED, "confirmation_code": "4711"}, f"{PLAIN}-B"], "codes")
    return NamedCodes(named, tmp_path / "state" / "used.json")


def test_each_code_is_given_once_and_remembered(tmp_path: Path) -> None:
    (first,) = codes(tmp_path).take(by_eim=True)
    (second,) = codes(tmp_path).take(by_eim=True)
    assert (first.text, second.text) == (PLAIN, f"{PLAIN}-B")
    with pytest.raises(NoCodeError, match="1 activation code without a confirmation code, 0 of 3 named are left"):
        codes(tmp_path).take(by_eim=True)
    assert [code.text for code in codes(tmp_path).take()] == [CONFIRMED]


def test_code_with_a_confirmation_code_is_spent_where_it_can_be(tmp_path: Path) -> None:
    assert [code.text for code in codes(tmp_path).take()] == [CONFIRMED]


def test_too_few_codes_are_not_spent(tmp_path: Path) -> None:
    with pytest.raises(NoCodeError, match="needs 3 activation codes without a confirmation code, 2 of 3"):
        codes(tmp_path).take(3, by_eim=True)
    assert len(codes(tmp_path).take(2, by_eim=True)) == 2


def test_memory_has_no_code(tmp_path: Path) -> None:
    codes(tmp_path).take(3)
    text = (tmp_path / "state" / "used.json").read_text()
    assert len(json.loads(text)) == 3
    assert "ABCD" not in text
    assert "WXYZ" not in text


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1]"])
def test_memory_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "used.json").write_text(text)
    with pytest.raises(TargetError, match=r"used\.json: expected a list of the activation codes that were used"):
        codes(tmp_path).take()


# Secrecy


def test_codes_are_hidden_as_text_and_in_hexadecimal(tmp_path: Path) -> None:
    hide = codes(tmp_path).hide
    assert hide(f"ipad profile download {PLAIN}: failed") == "ipad profile download 1$smdp.example.com$***: failed"
    assert hide(f"A0{PLAIN.encode().hex()}00") == f"A0{b'1$smdp.example.com$'.hex()}***00"


def test_longer_secret_goes_before_one_that_it_begins_with() -> None:
    assert Secrets(["ABCD-12", "ABCD-12-B"]).hide("ABCD-12-B ABCD-12") == "*** ***"


def test_short_secret_is_hidden_only_where_it_stands_alone() -> None:
    assert Secrets(["4711"]).hide("'4711' 894711 4711F") == "'***' 894711 4711F"


def test_octets_keep_their_number() -> None:
    octets = b"\x80\x0eABCD-1234\x00".hex()
    assert Secrets(["ABCD-1234"]).hide_octets(octets) == b"\x80\x0e".hex() + "00" * 9 + "00"


def test_log_has_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test.secrecy")
    hiding = LogFilter(Secrets(["ABCD-1234"]))
    logger.addFilter(hiding)
    try:
        with caplog.at_level(logging.INFO):
            logger.info("run(cmd=%r) %d", f"ipad profile download {PLAIN}", 5)
    finally:
        logger.removeFilter(hiding)
    assert caplog.messages == ["run(cmd='ipad profile download 1$smdp.example.com$***') 5"]
