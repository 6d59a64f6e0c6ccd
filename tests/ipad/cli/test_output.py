"""One model, two views, and the error envelope."""

import json

import pytest

from ipad.cli.output import Report, clean, error_json, error_text, to_json, to_text
from ipad.codec.es10 import EnableResult
from ipad.errors import (
    ConfigError,
    EuiccResultError,
    ExitCode,
    HttpStatusError,
    IpadError,
    ModemError,
    NetworkError,
    NotFoundError,
    StatusWordError,
    TlsTrustError,
)

LIST = Report(
    {"eid": "8904", "profiles": [{"iccid": "89", "name": "a\x1b[31mb", "enabled": True, "more": 1}]},
    tables={"profiles": ("iccid", "name", "enabled")},
)


def test_json_has_all_keys_and_a_schema_number() -> None:
    assert json.loads(to_json(LIST)) == {
        "ok": True,
        "schema": 1,
        "eid": "8904",
        "profiles": [{"iccid": "89", "name": "a\x1b[31mb", "enabled": True, "more": 1}],
    }


def test_json_is_safe_for_a_terminal() -> None:
    text = to_json(LIST)
    assert text.isascii()
    assert text.isprintable()


def test_text_shows_pairs_then_a_table() -> None:
    assert to_text(LIST).splitlines() == [
        "eid: 8904",
        "",
        "ICCID  NAME     ENABLED",
        "89     a\ufffd[31mb  yes",
    ]


def test_empty_table_says_so() -> None:
    assert to_text(Report({"pending_items": []}, tables={"pending_items": ("a",)})) == "no pending items"


def test_several_tables_stand_apart_and_an_error_shows_its_message() -> None:
    report = Report(
        {"first": [{"a": {"class": "x", "message": "no route"}}], "second": []},
        tables={"first": ("a",), "second": ("b",)},
    )
    assert to_text(report).splitlines() == ["A", "no route", "", "no second"]


def test_nested_records_are_indented_and_notes_follow() -> None:
    report = Report({"a": None, "long_key": {"b": [1, "x"], "c": []}}, notes=("done",))
    assert to_text(report).splitlines() == ["a:        -", "long key:", "  b: 1, x", "  c: -", "", "done"]


def test_report_of_notes_alone_shows_nothing_else() -> None:
    assert to_text(Report({"command": "AT"}, notes=("a", "OK"), notes_only=True)) == "a\nOK"


def test_report_that_is_no_success_says_so_in_json() -> None:
    assert json.loads(to_json(Report({"message": "m"}, exit_code=ExitCode.TRY_AGAIN)))["ok"] is False


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("plain", 64, "plain"),
        ("a\nb\x00c\x9b", 64, "a\ufffdb\ufffdc\ufffd"),
        ("right\u202eleft", 64, "right\ufffdleft"),
        ("12345", 5, "12345"),
        ("123456", 5, "1234…"),
    ],
)
def test_text_of_peers_is_made_safe(text: str, limit: int, expected: str) -> None:
    assert clean(text, limit) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("c"), ("config", None, None, 78)),
        (NotFoundError("n"), ("not-found", None, None, 10)),
        (EuiccResultError("f", EnableResult.CAT_BUSY), ("euicc-result", 5, "catBusy", 4)),
        (EuiccResultError("f", EnableResult(99)), ("euicc-result", 99, "unknown", 4)),
        (StatusWordError("s", sw=0x6F00), ("status-word", 0x6F00, "6F00", 4)),
        (HttpStatusError("h", status=503, transient=True), ("http-status", 503, None, 6)),
        (NetworkError("d", layer="dns"), ("network", None, "dns", 6)),
        (TlsTrustError("t"), ("tls-trust", None, "tls", 6)),
        (ModemError("m", code=10), ("modem", 10, None, 1)),
        (IpadError("i"), ("ipad", None, None, 1)),
    ],
)
def test_error_envelope(error: IpadError, expected: tuple[str, int | None, str | None, int]) -> None:
    answer = json.loads(error_json(error))
    assert answer["ok"] is False
    assert answer["schema"] == 1
    body = answer["error"]
    assert (body["class"], body["code"], body["name"], body["exit_code"]) == expected
    assert body["message"] == str(error)


def test_error_text_is_one_line_and_a_hint() -> None:
    assert error_text(ConfigError("a\nb", hint="do c")) == "ipad: a\ufffdb\nhint: do c"
    assert error_text(ConfigError("a")) == "ipad: a"
