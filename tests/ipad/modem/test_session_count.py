"""When a data bearer counts as that of the profile that is enabled now."""

from __future__ import annotations

import pytest

from ipad.ids import Iccid
from ipad.modem.session_count import SessionCount

OLD, NEW = Iccid.parse("89490000000000000015"), Iccid.parse("89490000000000000023")
SETTLE = 5.0


@pytest.fixture(name="sessions")
def _sessions() -> SessionCount:
    sessions = SessionCount(SETTLE)
    sessions.card(OLD, 0.0)
    return sessions


def test_new_iccid_without_a_word_is_waited_for(sessions: SessionCount) -> None:
    sessions.card(NEW, 10.0)
    assert sessions.name((), 14.9) is None
    assert sessions.name((), 15.0) is not None


def test_card_that_was_told_and_a_bearer_lost_since_need_no_wait(sessions: SessionCount) -> None:
    before = sessions.name((), 9.0)
    sessions.line("+CPIN: NOT READY", 10.0)
    sessions.line("+QUSIM: 1", 10.1)
    sessions.line("+CEREG: 2", 10.1)
    sessions.card(NEW, 10.5)
    assert sessions.name((), 10.5) not in (None, before)


def test_bearer_lost_before_the_card_was_told_proves_nothing(sessions: SessionCount) -> None:
    sessions.line("+CEREG: 2", 9.9)
    sessions.line("+QUSIM: 1", 10.0)
    sessions.card(NEW, 10.5)
    assert sessions.name((), 10.5) is None


def test_loss_of_a_card_told_long_ago_proves_nothing(sessions: SessionCount) -> None:
    sessions.line("+QUSIM: 1", 2.0)
    sessions.line("+CEREG: 2", 2.1)
    sessions.card(NEW, 10.5)
    assert sessions.name((), 10.5) is None


def test_one_word_of_the_modem_is_for_one_change_of_the_card(sessions: SessionCount) -> None:
    sessions.line("+QUSIM: 1", 10.0)
    sessions.line("+CEREG: 2", 10.1)
    sessions.card(NEW, 10.5)
    sessions.card(OLD, 11.0)
    assert sessions.name((), 11.0) is None


def test_switch_after_which_the_first_iccid_is_read_is_waited_for() -> None:
    sessions = SessionCount(SETTLE)
    sessions.followed(NEW, 10.0)
    assert sessions.name((), 10.0) is None


def test_switch_that_the_modem_told_needs_no_wait(sessions: SessionCount) -> None:
    sessions.line("+QUSIM: 1", 10.0)
    sessions.line("+CEREG: 2", 10.1)
    sessions.followed(NEW, 10.5)
    assert sessions.name((), 10.5) is not None
