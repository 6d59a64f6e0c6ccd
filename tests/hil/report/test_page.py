"""The page says everything at first sight, and holds nothing that a browser would take for more than text."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from hil.report.__main__ import main
from hil.report.page import packed, page
from hil.suite import record
from tests.hil.report.made import EVENTS, case, run


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def test_summary_facts_and_durations_are_plain_html() -> None:
    text = page(run(case(measures={"download": 2.5}), case("test_two", result="failed", reason="expected 1, got 2")))
    assert "1 of 2 cases went wrong" in text
    for shown in (
        "quectel-eg25",
        "1.2.3",
        "network, power",
        "2.5 s",
        "expected 1, got 2",
        "SGP.32 3.3.2, SGP.22 3.1.3",
    ):
        assert shown in text
    assert re.findall(r'<details id="case-(\d+)" class="(\w+)"', text) == [("1", "passed"), ("2", "failed")]


@pytest.mark.parametrize(
    ("results", "word"),
    [
        (("passed",), "All cases passed"),
        (("passed", "skipped"), "Every case that this target can do passed"),
        (("skipped",), "This target can do none of the cases"),
        ((), "No case was run"),
    ],
)
def test_verdict(results: tuple[str, ...], word: str) -> None:
    assert word in page(run(*(case(f"test_{number}", result=result) for number, result in enumerate(results))))


def test_nothing_is_loaded_from_anywhere() -> None:
    text = page(run(case()))
    assert not re.search(r"(?:src|href)=|@import|url\(|fetch\(", text)
    assert "default-src 'none'" in text


def test_text_of_cases_stays_text() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    text = page(run(case(title=evil, reason=evil, sections=(evil,), chapter=evil, id=evil, measures={evil: 1.0})))
    assert "<img" not in text
    assert text.count("</script>") == 1


def test_events_are_packed_with_their_names_and_cut_data() -> None:
    story = unpacked(packed(case()))
    assert story["lanes"] == ["AGENT", "AT", "APDU", "ESIPA", "RADIO"]
    assert story["seconds"] == 1.5
    assert len(story["events"]) == len(EVENTS)
    assert story["events"][1] == [0.01, "APDU", ">", "STORE DATA: GetEID", 8, "81E2910003BF3E00"]
    assert story["events"][2][5] == "BF3E125A10…"
    assert story["signals"][1] == [0.7, None, None, None, False, False, "registration"]


def test_variants_of_a_case_are_told_apart() -> None:
    assert "<small>coverage</small>" in page(run(case("test_one[coverage]")))


def test_command_writes_the_page_beside_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = record.write(run(case()), tmp_path)
    assert main([str(made)]) == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page(run(case()))
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.html")
    made.write_text("{}", encoding="utf-8")
    assert main([str(made)]) == 1
    assert "report: " in capsys.readouterr().err
