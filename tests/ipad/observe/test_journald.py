"""Entries of the journal: fields, several lines, and a journal that is not there."""

from __future__ import annotations

import io
import logging
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipad.daemon import log
from ipad.ids import mask_identifiers
from ipad.observe.alerts import Alert, alert
from ipad.observe.journald import JournalHandler, entry
from ipad.observe.log_context import CONTEXT, LogContext
from tests.ipad.observe.facts import EID, ONE
from tests.own_log import own_log


class Journal:
    """The socket of the journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(5)

    def receive(self) -> dict[str, str]:
        """The fields of one entry."""
        data, found = self.socket.recv(65536), {}
        while data:
            line, _, rest = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                size = int.from_bytes(rest[:8], "little")
                value, rest = rest[8 : 8 + size], rest[8 + size + 1 :]
            found[name.decode("ascii")] = value.decode()
            data = rest
        return found


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    yield journal
    journal.socket.close()


@pytest.fixture(name="lines")
def _lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(name="logger")
def _logger(journal: Journal, lines: io.StringIO) -> Iterator[logging.Logger]:
    logger = logging.getLogger("ipad.test.journald")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    otherwise = logging.StreamHandler(lines)
    otherwise.setFormatter(log.LineFormatter(journal=True, mask=True))
    handler = JournalHandler(lambda level: level // 10, mask_identifiers, otherwise, address=str(journal.path))
    logger.addHandler(handler)
    token = CONTEXT.set(None)
    yield logger
    CONTEXT.reset(token)
    logger.removeHandler(handler)
    handler.close()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_an_entry_has_text_priority_and_place(journal: Journal, logger: logging.Logger) -> None:
    logger.warning("poll of %s failed", "eim1")
    found = journal.receive()
    assert found["MESSAGE"] == "poll of eim1 failed"
    assert found["PRIORITY"] == "3"
    assert found["SYSLOG_IDENTIFIER"] == "ipad"
    assert found["IPAD_LOGGER"] == "ipad.test.journald"
    assert found["CODE_FILE"].endswith("test_journald.py")
    assert found["CODE_FUNC"] == "test_an_entry_has_text_priority_and_place"
    assert int(found["CODE_LINE"]) > 0
    assert not {name for name in found if name.startswith("_")}


def test_several_lines_are_one_entry(journal: Journal, logger: logging.Logger) -> None:
    logger.info("one\ntwo\nMESSAGE_ID=forged")
    found = journal.receive()
    assert found["MESSAGE"] == "one\ntwo\nMESSAGE_ID=forged"
    assert "MESSAGE_ID" not in found


def test_what_the_lines_are_about_is_in_fields_and_masked(journal: Journal, logger: logging.Logger) -> None:
    CONTEXT.set(LogContext(modem="modem", eid=EID, iccid=ONE, eim="eim1", transaction="A1B2"))
    logger.info("hello %s", EID)
    found = journal.receive()
    assert found["MESSAGE"] == "hello 890490…9012"
    assert {name: value for name, value in found.items() if name.startswith("IPAD_") and name != "IPAD_LOGGER"} == {
        "IPAD_MODEM": "modem",
        "IPAD_EID": "890490…9012",
        "IPAD_ICCID": "894900…0015",
        "IPAD_EIM": "eim1",
        "IPAD_TRANSACTION": "A1B2",
    }


def test_an_alert_has_an_identifier_and_its_own_fields_win(journal: Journal, logger: logging.Logger) -> None:
    CONTEXT.set(LogContext(modem="modem", eim="eim1"))
    logger.warning("switched", extra=alert(Alert.ROLLBACK, eim="eim2", transaction=None))
    found = journal.receive()
    assert found["MESSAGE_ID"] == Alert.ROLLBACK.message_id
    assert found["IPAD_EVENT"] == "rollback"
    assert found["IPAD_EIM"] == "eim2"
    assert "IPAD_TRANSACTION" not in found


def test_there_are_ten_alerts_with_ids_of_their_own() -> None:
    ids = [each.message_id for each in Alert]
    assert len(ids) == len(set(ids)) == 10
    assert all(uuid.UUID(each).hex == each for each in ids)


def test_an_exception_is_part_of_the_text(journal: Journal, logger: logging.Logger) -> None:
    try:
        raise ValueError("inside")
    except ValueError:
        logger.exception("it broke")
    text = journal.receive()["MESSAGE"]
    assert text.startswith("it broke\nTraceback")
    assert text.endswith("ValueError: inside")


def test_long_texts_are_cut(journal: Journal, logger: logging.Logger) -> None:
    logger.info("x" * 100_000)
    assert len(journal.receive()["MESSAGE"]) == 16 * 1024


def test_a_journal_that_is_gone_leaves_lines_with_priorities(
    journal: Journal, logger: logging.Logger, lines: io.StringIO
) -> None:
    journal.socket.close()
    journal.path.unlink()
    logger.error("alone")
    assert lines.getvalue() == "<3>ipad.test.journald: alone\n"
    again = Journal(journal.path)
    logger.error("back")
    assert again.receive()["MESSAGE"] == "back"
    again.socket.close()


def test_fields_without_a_value_are_left_out() -> None:
    assert entry(iter((("A", ""), ("B", "1")))) == b"B=1\n"


def test_the_journal_is_used_only_when_the_service_manager_connects_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    with own_log(), (tmp_path / "stderr").open("w") as stream:
        status = (tmp_path / "stderr").stat()
        log.set_up(logging.INFO, stream)
        assert not isinstance(root.handlers[0], JournalHandler)
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        log.set_up(logging.INFO, stream)
        assert isinstance(root.handlers[0], JournalHandler)
        root.handlers[0].close()
