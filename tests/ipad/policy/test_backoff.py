"""Pauses after failures."""

from __future__ import annotations

import pytest

from ipad.codec.esipa import EimPackageError
from ipad.errors import (
    CardError,
    ConfigError,
    ExchangeError,
    HttpStatusError,
    IpadError,
    NetworkError,
    ServerResultError,
    StateError,
    TlsTrustError,
)
from ipad.policy.backoff import Retry, failure_pause, retry_decision, spread, stepped
from ipad.policy.limits import Timers

TIMERS = Timers()
UNREACHABLE = NetworkError("no route", layer="tcp")


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (UNREACHABLE, Retry.SOON),
        (ExchangeError("empty body"), Retry.SOON),
        (CardError("gone"), Retry.SOON),
        (StateError("disk full"), Retry.SOON),
        (TlsTrustError("wrong pin"), Retry.LATER),
        (HttpStatusError("404", status=404, transient=False), Retry.LATER),
        (ServerResultError("GetEimPackage", EimPackageError.EID_NOT_FOUND), Retry.LATER),
        (ConfigError("typo"), Retry.NEVER),
    ],
)
def test_decision_follows_from_the_class_of_the_error(error: IpadError, decision: Retry) -> None:
    assert retry_decision(error) is decision


def test_pause_doubles_from_one_minute_to_64() -> None:
    pauses = [failure_pause(UNREACHABLE, failures, 0.0, TIMERS) / 60 for failures in range(1, 10)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert failure_pause(UNREACHABLE, 10**6, 0.0, TIMERS) == 64 * 60


def test_what_does_not_pass_by_itself_waits_longest() -> None:
    assert failure_pause(TlsTrustError("wrong pin"), 1, 0.0, TIMERS) == 64 * 60


@pytest.mark.parametrize(("asked", "pause"), [(0.0, 60.0), (600.0, 600.0), (1e9, 86400.0)])
def test_retry_after_is_followed_within_bounds(asked: float, pause: float) -> None:
    error = HttpStatusError("503", status=503, transient=True, retry_after=asked)
    assert failure_pause(error, 5, 0.0, TIMERS) == pause


def test_many_devices_that_were_told_the_same_come_one_after_the_other_and_none_too_early() -> None:
    error = HttpStatusError("503", status=503, transient=True, retry_after=600.0)
    pauses = [failure_pause(error, 1, jitter / 10, TIMERS) for jitter in range(-10, 11)]
    assert (min(pauses), max(pauses)) == (600.0, 750.0)
    assert len({round(pause, 6) for pause in pauses}) == 11


def test_pauses_after_a_failure_that_many_share_differ_by_half_of_it() -> None:
    pauses = [failure_pause(UNREACHABLE, 2, jitter / 10, TIMERS) for jitter in range(-10, 11)]
    assert (min(pauses), max(pauses)) == (120.0, 180.0)


def test_jitter_moves_a_pause_by_a_tenth_at_most() -> None:
    assert [round(spread(100.0, jitter), 6) for jitter in (-5.0, -1.0, 0.0, 0.5, 1.0, 7.0)] == [
        90,
        90,
        100,
        105,
        110,
        110,
    ]


def test_steps_repeat_the_last() -> None:
    assert [stepped((1.0, 2.0, 4.0), count) for count in range(6)] == [1, 1, 2, 4, 4, 4]
