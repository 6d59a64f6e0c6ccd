"""The record of a run, and the table that is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.suite import traceability
from hil.suite.collecting import chapter_of
from hil.suite.record import CaseRecord, EventRecord, RecordError, Run, SignalSample, from_json, read, to_json, write


def case(name: str, *sections: str, result: str = "passed") -> CaseRecord:
    events = (EventRecord(0.5, "APDU", ">", "STORE DATA", 80, "80E2" * 32, cut=True),)
    return CaseRecord(
        f"chapters/test_01_x.py::{name}",
        "01 X",
        name,
        sections,
        result,
        "",
        0.5,
        events,
        (SignalSample(0.1),),
        {"a": 1.0},
    )


def made(*cases: CaseRecord) -> Run:
    return Run("2026-01-02T03:04:05+00:00", "virtual", ("fresh", "power"), {"ipad": "1.0"}, {"modem": "eg25"}, cases)


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = made(case("one", "3.3.1"), case("two", "SGP.22 3.1.3", result="failed"))
    assert from_json(to_json(run)) == run
    assert read(write(run, tmp_path / "new" / "folder")) == run


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 2, "cases": []}', '{"schema": 1, "cases": [{}]}']
)
def test_file_that_is_no_record_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=r"record\.json: "):
        read(path)


def test_case_with_an_unknown_member_is_refused() -> None:
    value = to_json(made(case("one", "1")))
    value["cases"][0]["colour"] = "red"
    with pytest.raises(RecordError, match="colour"):
        from_json(value)


def test_table_has_each_section_in_the_order_of_the_documents() -> None:
    cases = [case(section, section) for section in ("TS 27.007 8.1", "SGP.22 3.1.3", "10.1", "3.10", "3.9.1", "3.9")]
    rows = [row for row in traceability.table(made(*cases)).splitlines() if row.endswith("| passed |")]
    assert [row.split("|")[1].strip() for row in rows] == [
        "3.9",
        "3.9.1",
        "3.10",
        "10.1",
        "SGP.22 3.1.3",
        "TS 27.007 8.1",
    ]


def test_table_counts_the_results() -> None:
    text = traceability.table(made(case("one", "1"), case("two", "1", "2", result="failed"), case("three", "2")))
    assert "3 cases, 2 passed, 1 failed; 2 sections." in text
    assert text.count("| failed |") == 2


def test_command_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert traceability.main([str(write(made(case("one", "1")), tmp_path))]) == 0
    assert "| 1 | one (`01::one`) | passed |" in capsys.readouterr().out


def test_command_names_a_file_that_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert traceability.main([str(tmp_path / "missing.json")]) == 1
    assert "missing.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stem", "chapter"), [("test_06_download_direct", "06 Download direct"), ("test_made_up", "Made up")]
)
def test_chapter_is_named_by_its_file(stem: str, chapter: str) -> None:
    assert chapter_of(stem) == chapter
