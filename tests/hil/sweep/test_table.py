"""The table counts what was tried, and the document keeps what people wrote around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.cli.parser import build_parser
from hil.sweep import document
from hil.sweep.errors import SweepError
from hil.sweep.points import Point, read_points
from hil.sweep.run import Run
from hil.sweep.scenarios import scenario
from hil.sweep.table import Row, markdown, plain
from hil.sweep.worker import run_from_json, run_to_json

POINTS = (Point(1, "AT", "ATE0"), Point(2, "file", "open journal"), Point(3, "network", "send"))
REFERENCE = Run("eco", 0, None, (), POINTS, {"eim1": 1})
RUNS = (
    Run("eco", 1, POINTS[0], ()),
    Run("eco", 2, POINTS[1], ("the profile is gone",), log="text"),
    Run("eco", 3, POINTS[2], ()),
    Run("eco", 4, None, ()),
)
ROW = Row(scenario("eco"), REFERENCE, RUNS)


def test_table_counts_points_and_survivors() -> None:
    lines = markdown([ROW], 600.0, 4).splitlines()
    assert lines[2] == "| addEim, updateEim, deleteEim | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 3 of 4 |"
    assert lines[3] == "| all | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 3 of 4 |"
    assert not ROW.clean
    assert Row(scenario("eco"), REFERENCE, RUNS[2:]).clean


def test_json_names_every_failure() -> None:
    (found,) = plain([ROW])["scenarios"]
    assert found["failures"] == [
        {"point": 2, "killed": "2, before file: open journal", "failures": ["the profile is gone"]}
    ]


@pytest.mark.parametrize("run", [REFERENCE, *RUNS])
def test_run_passes_between_processes_unchanged(run: Run) -> None:
    assert run_from_json(json.loads(json.dumps(run_to_json(run)))) == run


def test_points_are_read_in_their_order_and_a_torn_line_is_none(tmp_path: Path) -> None:
    (tmp_path / "points").write_text("2\tfile\topen journal\n1\tAT\tATE0\n3\tnetwork\tse")
    assert read_points(tmp_path / "points") == POINTS[:2]
    assert read_points(tmp_path / "none") == ()
    (tmp_path / "points").write_text("1\tsound\tbeep\n")
    with pytest.raises(ValueError, match="no point"):
        read_points(tmp_path / "points")


def test_document_keeps_what_is_written_around_the_table(tmp_path: Path) -> None:
    path = tmp_path / "sweep.md"
    path.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.write(path, "| new |")
    assert path.read_text() == f"before\n{document.BEGIN}\n\n| new |\n\n{document.END}\nafter\n"
    path.write_text("no marks")
    with pytest.raises(SweepError, match="expected a table"):
        document.read(path)


def test_document_of_the_project_has_a_place_for_the_table() -> None:
    document.read(Path(__file__).parents[3] / "docs" / "sweep.md")


@pytest.mark.parametrize("points", ["0-3", "4-3", "x"])
def test_points_that_make_no_sense_are_refused(points: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["sweep", "--points", points])
    assert "--points" in capsys.readouterr().err


def test_unknown_scenario_is_named() -> None:
    with pytest.raises(SweepError, match="no scenario 'flood', only switch, rollback"):
        scenario("flood")
