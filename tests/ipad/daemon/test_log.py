"""The log of the process."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from ipad.daemon import log

EID = "89049032001234567890123456789012"
ICCID = "8988123456789012345"


@pytest.fixture(autouse=True)
def _restore_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, asyncio_level = root.handlers[:], root.level, logging.getLogger("asyncio").level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("asyncio").setLevel(asyncio_level)


def format_one(*, journal: bool, mask: bool, level: int = logging.INFO, text: str = "hello") -> str:
    formatter = log.LineFormatter(journal=journal, mask=mask)
    return formatter.format(logging.LogRecord("ipad.modem.port", level, "f", 1, text, None, None))


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
        (log.TRACE, 7),
    ],
)
def test_journal_lines_carry_the_priority(level: int, priority: int) -> None:
    assert format_one(journal=True, mask=True, level=level) == f"<{priority}>ipad.modem.port: hello"


def test_every_line_of_a_journal_message_carries_the_priority() -> None:
    assert format_one(journal=True, mask=True, text="a\nb") == "<6>ipad.modem.port: a\n<6>b"


def test_plain_lines_carry_time_and_level() -> None:
    line = format_one(journal=False, mask=True)
    assert line.endswith(" INFO    ipad.modem.port: hello")
    assert line[:4].isdigit()


def test_identifiers_of_cards_are_masked() -> None:
    line = format_one(journal=True, mask=True, text=f"EID {EID} profile {ICCID} size 123456789012345678901234")
    assert line == "<6>ipad.modem.port: EID 890490…9012 profile 898812…2345 size 123456789012345678901234"


def test_identifiers_are_whole_when_debugging() -> None:
    assert EID in format_one(journal=True, mask=False, text=EID)


@pytest.mark.parametrize(("level", "masked"), [(logging.INFO, True), (logging.DEBUG, False), (log.TRACE, False)])
def test_set_up_masks_unless_debugging(level: int, masked: bool) -> None:
    stream = io.StringIO()
    log.set_up(level, stream)
    logging.getLogger("ipad.test").error("EID %s", EID)
    assert (EID not in stream.getvalue()) is masked


def test_levels_below_the_chosen_one_stay_silent() -> None:
    stream = io.StringIO()
    log.set_up(logging.DEBUG, stream)
    logging.getLogger("ipad.test").log(log.TRACE, "bytes")
    assert stream.getvalue() == ""
    log.set_up(log.TRACE, stream)
    logging.getLogger("ipad.test").log(log.TRACE, "bytes")
    assert "TRACE   ipad.test: bytes" in stream.getvalue()


def open_file(tmp_path: Path) -> TextIO:
    return (tmp_path / "stderr").open("w", encoding="utf-8")


def test_stream_is_the_journal_only_when_the_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_file(tmp_path) as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert log.is_journal(stream)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
        assert not log.is_journal(stream)
    assert not log.is_journal(io.StringIO())
