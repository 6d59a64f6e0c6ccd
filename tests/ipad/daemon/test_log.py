"""The log of the process."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from ipad.daemon import log
from ipad.observe.log_context import CONTEXT, LogContext
from tests.own_log import own_log

EID = "89049032001234567890123456789012"
ICCID = "8988123456789012345"


@pytest.fixture(autouse=True)
def _restore_root() -> Iterator[None]:
    with own_log():
        yield


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


def test_lines_of_a_modem_among_several_begin_with_its_name() -> None:
    record = logging.LogRecord("ipad.modem.port", logging.INFO, "f", 1, "hello %s", ("you",), None)
    named, plain = (log.LineFormatter(journal=True, mask=True, named=on) for on in (True, False))
    token = CONTEXT.set(LogContext(modem="wan"))
    try:
        assert named.format(record) == "<6>ipad.modem.port: wan: hello you"
        assert plain.format(record) == "<6>ipad.modem.port: hello you"
        assert log.MessageFormatter(named=True).format(record) == "wan: hello you"
    finally:
        CONTEXT.reset(token)
    assert named.format(record) == "<6>ipad.modem.port: hello you"


def test_log_that_is_set_up_anew_says_what_the_one_of_before_had_counted() -> None:
    stream = io.StringIO()
    log.set_up(logging.INFO, stream, log.LogRules(per_hour=100))
    for _ in range(7):
        logging.getLogger("ipad.test").info("again")
    log.set_up(logging.INFO, stream, log.LogRules(per_hour=100))
    assert stream.getvalue().count("again") == 6
    assert "again (repeated 2 more times)" in stream.getvalue()


def test_message_of_one_modem_hides_none_of_another() -> None:
    stream = io.StringIO()
    log.set_up(logging.INFO, stream, log.LogRules(per_hour=100, named=True))
    for name in ("wan", "spare"):
        token = CONTEXT.set(LogContext(modem=name))
        for _ in range(6):
            logging.getLogger("ipad.test").info("gone")
        CONTEXT.reset(token)
    assert stream.getvalue().count("wan: gone") == 5
    assert stream.getvalue().count("spare: gone") == 5
