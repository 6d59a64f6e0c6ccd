"""Puts the record of each case into its last report, from where `hil.suite.collecting` takes it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

import pytest

from hil.suite.case_run import MEASURES, SEEN, STAGE
from hil.suite.collecting import Outcome, attach, attach_facts
from hil.suite.marks import CaseMarks
from hil.suite.measuring import durations
from hil.suite.plugin import MARKS
from hil.suite.target import Observations

OUTCOME: Final = pytest.StashKey[Outcome]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A hook of pytest."""
    report = yield
    stage = item.config.stash.get(STAGE, None)
    if stage is not None:
        _hide(report, stage.hide)
    marks = item.stash.get(MARKS, None)
    if marks is not None:
        _note(item, marks, report)
    return report


def _hide(report: pytest.TestReport, hide: Callable[[str], str]) -> None:
    """Nothing secret in what is printed of a report, and in all that is made of it: record, page, JUnit."""
    report.sections = [(name, hide(text)) for name, text in report.sections]
    if isinstance(report.longrepr, tuple):
        path, line, words = report.longrepr
        report.longrepr = (path, line, hide(words))
    elif report.longrepr is not None and (hidden := hide(report.longreprtext)) != report.longreprtext:
        # As text, which has neither colours nor a line of its own in the summary: nothing of the original stays.
        report.longrepr = hidden


def _note(item: pytest.Item, marks: CaseMarks, report: pytest.TestReport) -> None:
    if report.when == "setup":
        item.stash[OUTCOME] = Outcome()
        item.user_properties.append(("sections", ", ".join(marks.sections)))
    outcome = item.stash[OUTCOME]
    outcome.add(report)
    if report.when != "teardown":
        return
    measures: dict[str, float] = item.stash.get(MEASURES, {})
    seen = item.stash.get(SEEN, Observations())
    attach(report, marks, outcome, seen, {**durations(seen.events), **measures})
    stage = item.config.stash.get(STAGE, None)
    if stage is not None:
        attach_facts(report, stage.target.facts, stage.target.abilities, stage.take_renewed())
