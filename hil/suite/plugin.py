"""The pytest plugin of the suite: options, marks, what is checked at collection, the record of a run.

pytest loads it wherever the package is installed. It imports nothing of the bench until a case of the suite runs.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from hil.suite.marks import REGISTERED, CaseMarks, MarkError, read_marks

MARKS: Final = pytest.StashKey[CaseMarks]()
_PACKAGE: Final = "hil.suite"
_CHAPTERS: Final = "hil.suite.chapters."
_NUMBERED: Final = re.compile(r"test_(\d{2})_")
_WITH_TARGET: Final = ("hil.suite.fixtures", "hil.suite.reporting", "hil.suite.unable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the suite."""
    group = parser.getgroup("ipad-hil-suite", "conformance suite of ipad-hil")
    group.addoption(
        "--target", default=None, metavar="TARGET", help='"virtual", a board file (.yaml), or MODULE:FUNCTION'
    )
    group.addoption("--report", default=None, metavar="DIR", help="write report.html, junit.xml and record.json there")
    group.addoption("--chapter", default=None, type=int, metavar="N", help="only the cases of this chapter")
    group.addoption(
        "--activation-codes",
        default=None,
        metavar="FILE",
        help="activation codes of an SM-DP+ that the board's eUICC trusts: one a line, a confirmation code behind it",
    )
    group.addoption("--agent", default=None, metavar="COMMAND", help="the agent under test, in place of this one")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known; with a target, check the options and collect the record."""
    for line in REGISTERED:
        config.addinivalue_line("markers", line)
    target = config.getoption("--target")
    if target is None:
        if any(argument.startswith(_PACKAGE) for argument in config.args) and not config.getoption("collectonly"):
            raise pytest.UsageError(_NO_TARGET)
        return
    from hil.suite.choosing import VIRTUAL, check  # noqa: PLC0415
    from hil.suite.errors import TargetError  # noqa: PLC0415

    try:
        check(target)
    except TargetError as error:
        raise pytest.UsageError(f"--target {target}: {error}") from error
    if target.endswith((".yaml", ".yml")) and config.getoption("numprocesses", None):
        raise pytest.UsageError(f"--target {target}: one board is one process, not -n; see {VIRTUAL!r} for many")
    for name in _WITH_TARGET:
        config.pluginmanager.import_plugin(name)
    if not hasattr(config, "workerinput"):
        from hil.suite.collecting import Collector  # noqa: PLC0415

        folder = config.getoption("--report")
        if folder is not None and config.option.xmlpath is None:
            config.option.xmlpath = str(Path(folder) / "junit.xml")
        config.pluginmanager.register(Collector(None if folder is None else Path(folder), target), "ipad-suite-record")


_NO_TARGET: Final = "the suite needs a device: --target virtual, or --target board.yaml"


def is_case(item: pytest.Item) -> bool:
    """Whether an item is a case of the suite: a test of its chapters, or of a module that says `SUITE = True`."""
    module = getattr(item, "module", None)
    return module is not None and (module.__name__.startswith(_CHAPTERS) or getattr(module, "SUITE", False) is True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file of the suite that belongs to another chapter."""
    number: int | None = config.getoption("--chapter")
    numbered = collection_path.parent.name == "chapters" and _NUMBERED.match(collection_path.name)
    if number is None or not numbered:
        return None
    return int(numbered[1]) != number


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse cases with wrong marks as what they are: errors of their file, which workers of pytest-xdist report."""
    report = yield
    cases = [item for item in report.result if isinstance(item, pytest.Item) and is_case(item)]
    wrong = [fault for item in cases if (fault := _fault(item)) is not None]
    if cases and collector.config.getoption("--target") is None and not collector.config.getoption("collectonly"):
        wrong = [_NO_TARGET]
    if wrong:
        report.outcome, report.longrepr, report.result = "failed", "\n".join(wrong), []
    return report


def _fault(item: pytest.Item) -> str | None:
    """What is wrong with the marks of a case; None when they are right, and kept."""
    try:
        item.stash[MARKS] = read_marks(getattr(item, "originalname", item.name), item.iter_markers())
    except MarkError as error:
        return f"{item.name}: {error}"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the chapter."""
    _select_chapter(config, items)


def _select_chapter(config: pytest.Config, items: list[pytest.Item]) -> None:
    number = config.getoption("--chapter")
    if number is None:
        return
    kept = [item for item in items if not is_case(item) or item.path.name.startswith(f"test_{number:02}_")]
    dropped = [item for item in items if item not in kept]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
