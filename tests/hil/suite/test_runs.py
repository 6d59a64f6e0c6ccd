"""Whole runs in processes of their own, as users start them: from any folder, with workers, on the virtual target."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hil.suite import record

ROOT = Path(__file__).parents[3]
CASES = """
from hil.suite.marks import case
SUITE = True

@case("3.3.1")
def test_a(): pass

@case("3.3.2")
def test_b(): pass

@case("3.3.3")
def test_c(): assert False
"""
MARKLESS = """
SUITE = True

def test_a(): pass
"""


def run(folder: Path, *options: str, within: float = 50.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, timeout=within, env=environment
    )


def test_smoke_chapter_passes_on_the_virtual_target_from_any_folder(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "--pyargs",
        "hil.suite",
        "--target",
        "virtual",
        "--chapter",
        "0",
        "--report",
        "r",
        "--junitxml",
        "j.xml",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = record.read(tmp_path / "r" / "record.json")
    assert {case.result for case in found.cases} == {"passed"}
    assert found.versions["ipad"]
    (switch,) = [case for case in found.cases if "switch" in case.id]
    interfaces = {event.interface for event in switch.events}
    assert {"AT", "APDU", "ESIPA", "RADIO", "CARD", "AGENT"} <= interfaces
    assert all(event.seconds <= later.seconds for event, later in zip(switch.events, switch.events[1:], strict=False))
    assert any(event.cut and len(event.data) == 2 * record.LONGEST_DATA for event in switch.events)
    assert {sample.bearer for sample in switch.signals} >= {True}
    switches = [event.text for event in switch.events if event.interface == "CARD" and event.text.endswith(": enabled")]
    assert len(switches) == 2, "the profile of before is enabled again"
    assert switches[0] != switches[1]
    names = {item.get("name") for item in ET.parse(tmp_path / "j.xml").iter("property")}
    assert names == {"sections"}


def test_workers_write_one_record(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "test_02_made_up.py").write_text(CASES, encoding="utf-8")
    done = run(tmp_path, "-n", "2", "--target", "tests.hil.suite.fake_target:make", "--report", "r")
    assert done.returncode == 1, done.stdout + done.stderr
    found = record.read(tmp_path / "r" / "record.json")
    assert found.target == "fake"
    assert [(case.id.rpartition("::")[2], case.result) for case in found.cases] == [
        ("test_a", "passed"),
        ("test_b", "passed"),
        ("test_c", "failed"),
    ]


def test_workers_report_a_case_without_a_section(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "test_02_made_up.py").write_text(MARKLESS, encoding="utf-8")
    done = run(tmp_path, "-n", "1", "--target", "tests.hil.suite.fake_target:make")
    assert done.returncode != 0
    assert "test_a: no section" in done.stdout


def test_one_board_is_one_process(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "board.yaml").write_text("eid: none\n", encoding="utf-8")
    done = run(tmp_path, "-n", "2", "--pyargs", "hil.suite", "--target", "board.yaml")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "one board is one process" in done.stderr


def test_suite_without_a_target_is_told_what_it_needs(tmp_path: Path) -> None:
    done = run(tmp_path, "--pyargs", "hil.suite")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "the suite needs a device: --target virtual, or --target board.yaml" in done.stderr
