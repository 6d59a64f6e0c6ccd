"""Puts the record of a run together from pytest's reports: of one process, or of the workers of pytest-xdist."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from hil.report.page import write_page
from hil.suite.marks import CaseMarks
from hil.suite.record import CaseRecord, Run, case_from_json, case_to_json, write
from hil.suite.target import Facts, Observations
from hil.suite.traceability import table

CASE: Final = "ipad_suite_case"
FACTS: Final = "ipad_suite_facts"
RENEWED: Final = "ipad_suite_renewed"
"""Attributes of reports: JSON, or a list of texts, which the workers of xdist can send."""

_LONGEST_REASON: Final = 8000


class Outcome:
    """How one case goes, from its three reports."""

    def __init__(self) -> None:
        self.result = "passed"
        self.reason = ""
        self.seconds = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Take a report. What came first counts, but an error of the teardown after a good test counts as well."""
        if report.when == "call":
            self.seconds = report.duration
        if self.result != "passed":
            return
        if report.failed:
            self.result = "failed" if report.when == "call" else "error"
            self.reason = report.longreprtext[-_LONGEST_REASON:]
        elif report.skipped:
            self.result = "skipped"
            self.reason = _skip_reason(report)


def _skip_reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.longreprtext


def attach(
    report: pytest.TestReport, marks: CaseMarks, outcome: Outcome, seen: Observations, measures: Mapping[str, float]
) -> None:
    """Give the last report of a case its record."""
    path = Path(report.location[0])
    made = CaseRecord(
        id=report.nodeid,
        chapter=chapter_of(path.stem),
        title=marks.title,
        sections=marks.sections,
        result=outcome.result,
        reason=outcome.reason,
        seconds=round(outcome.seconds, 4),
        events=tuple(seen.events),
        signals=tuple(seen.signals),
        measures=dict(measures),
    )
    setattr(report, CASE, json.dumps(case_to_json(made)))


def attach_facts(report: pytest.TestReport, facts: Facts, abilities: frozenset[str], renewed: list[str]) -> None:
    """Give a report what is known of the target, and of devices that were replaced."""
    if renewed:
        setattr(report, RENEWED, renewed)
    value = {
        "target": facts.name,
        "ability": sorted(abilities),
        "versions": dict(facts.versions),
        "board": dict(facts.board),
    }
    setattr(report, FACTS, json.dumps(value))


def chapter_of(stem: str) -> str:
    """The chapter of a file: "test_06_download_direct" is "06 Download direct"."""
    words = stem.removeprefix("test_").split("_")
    if not words[0].isdigit():
        return " ".join(words).capitalize()
    return f"{words[0]} {' '.join(words[1:]).capitalize()}"


class Collector:
    """In the process that the user started: gathers cases, and writes the record."""

    def __init__(self, folder: Path | None, target: str) -> None:
        self._folder = folder
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._facts: dict[str, Any] = {"target": target, "ability": [], "versions": {}, "board": {}}
        self._cases: list[CaseRecord] = []
        self._renewed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A hook of pytest."""
        facts = getattr(report, FACTS, None)
        if facts is not None:
            self._facts = json.loads(facts)
        case = getattr(report, CASE, None)
        self._renewed += getattr(report, RENEWED, [])
        if case is not None:
            self._cases.append(case_from_json(json.loads(case)))

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self) -> Generator[None]:
        """A hook of pytest. After an interrupt it is here that the device is restored: when that fails there is a
        record all the same."""
        try:
            yield
        finally:
            self._write()

    def _write(self) -> None:
        if self._folder is not None and self._cases:
            run = self.run
            write(run, self._folder)
            (self._folder / "traceability.md").write_text(table(run), encoding="utf-8")
            write_page(run, self._folder)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A hook of pytest."""
        if self._renewed:
            terminalreporter.write_sep("-", "devices that had to be replaced after a case")
            for line in self._renewed:
                terminalreporter.write_line(line)

    @property
    def run(self) -> Run:
        """What there is so far, in the order of the chapters."""
        return Run(
            started=self._started,
            target=self._facts["target"],
            ability=tuple(self._facts["ability"]),
            versions=self._facts["versions"],
            board=self._facts["board"],
            cases=tuple(sorted(self._cases, key=lambda case: case.id)),
        )
