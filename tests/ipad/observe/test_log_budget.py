"""The volume of the log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from ipad.observe.log_budget import HOUR, INTERVAL, REPEATS, BoundedHandler, LogBudget


class Log:
    """A bounded log into a text, in a time that the test sets."""

    def __init__(self, per_hour: int = 1000) -> None:
        self.now = 0.0
        self.stream = io.StringIO()
        self.handler = BoundedHandler(
            logging.StreamHandler(self.stream), LogBudget(lambda: self.now, per_hour=per_hour)
        )
        self.logger = logging.getLogger("ipad.test.budget")
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = False
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture(name="log")
def _log() -> Iterator[Log]:
    log = Log()
    yield log
    close(log)


def close(log: Log) -> None:
    log.logger.removeHandler(log.handler)
    log.logger.propagate = True
    log.logger.setLevel(logging.NOTSET)


def test_a_message_that_repeats_is_counted(log: Log) -> None:
    for number in range(20):
        log.logger.warning("poll %d failed", number)
    assert len(log.lines) == REPEATS
    log.now = INTERVAL
    log.logger.info("something else")
    assert log.lines[REPEATS:] == ["poll 19 failed (repeated 15 more times)", "something else"]


def test_after_the_interval_it_is_written_again(log: Log) -> None:
    for _ in range(REPEATS):
        log.logger.info("hello")
    log.now = INTERVAL
    log.logger.info("hello")
    assert log.lines == ["hello"] * (REPEATS + 1), "nothing was left out, so nothing is said"


def test_messages_of_another_level_are_others(log: Log) -> None:
    for _ in range(9):
        log.logger.info("hello")
        log.logger.error("hello")
    assert len(log.lines) == 2 * REPEATS


def test_what_was_left_out_is_said_at_the_end(log: Log) -> None:
    for _ in range(9):
        log.logger.info("hello")
    log.handler.close()
    assert log.lines[-1] == "hello (repeated 4 more times)"


def test_an_hour_has_a_number_of_lines_and_warnings_some_of_their_own() -> None:
    log = Log(per_hour=10)
    try:
        for number in range(50):
            log.logger.info(f"information {number}")  # noqa: G004 - another template each time
        assert len(log.lines) == 10
        for number in range(50):
            log.logger.warning(f"warning {number}")  # noqa: G004
        assert len(log.lines) == 15
        log.now = HOUR
        log.logger.info("a new hour")
        assert log.lines[15:] == ["85 lines of the log were left out within an hour", "a new hour"]
    finally:
        close(log)


def test_memory_for_templates_is_bounded(log: Log) -> None:
    for number in range(2000):
        log.logger.info(f"template {number}")  # noqa: G004
    assert len(log.handler._budget._repeats) <= 257


def test_a_record_that_cannot_be_formatted_stops_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.logger.info("%d", "no number")
    log.logger.info("next")
    assert log.lines == ["next"]
