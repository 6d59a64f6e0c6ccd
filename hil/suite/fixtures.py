"""Fixtures of the cases: one for each ability, and what surrounds every case."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from hil.suite.abilities import (
    ActivationCodes,
    Card,
    CardBench,
    Eim,
    Gateway,
    Measure,
    Modem,
    ModemBench,
    Network,
    Power,
    Smdp,
    Timeline,
    missing,
)
from hil.suite.ability import reason
from hil.suite.case_run import MEASURES, SEEN, STAGE, SeenTimeline, Stage
from hil.suite.choosing import choose
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.plugin import MARKS
from hil.suite.target import Target


@pytest.fixture(scope="session")
def suite_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The target, open."""
    config, session = request.config, request.session
    name = str(config.getoption("--target"))

    def stop(reason: str) -> None:
        session.shouldstop = reason

    try:
        stage = Stage(choose(name, config), stop)
    except TargetError as error:
        pytest.exit(f"--target {name}: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    with _ended_by_sigterm(), contextlib.closing(stage):
        try:
            stage.open()
        except TargetError as error:
            pytest.exit(f"--target {name}: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        config.stash[STAGE] = stage
        yield stage


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does, so that the device is restored."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def suite_case(request: pytest.FixtureRequest) -> Iterator[None]:
    """One case: it begins, is observed, and leaves nothing behind."""
    marks = request.node.stash.get(MARKS, None)
    if marks is None:
        yield
        return
    stage: Stage = request.getfixturevalue("suite_stage")
    lacking = missing(marks.abilities, stage.target.abilities)
    if lacking:
        pytest.skip(reason(lacking))
    try:
        stage.begin(marks)
        yield
    finally:
        request.node.stash[SEEN] = stage.end(marks)


@pytest.fixture
def suite_target(suite_stage: Stage) -> Target:
    """The target itself; cases ask for abilities."""
    return suite_stage.target


@pytest.fixture
def gateway(suite_stage: Stage) -> Gateway:
    """The agent under test on its host."""
    return suite_stage.gateway


@pytest.fixture
def card(suite_target: Target) -> Card:
    """The eUICC as the agent shows it."""
    return suite_target.card


@pytest.fixture
def modem(suite_target: Target) -> Modem:
    """The modem as its host can use it."""
    return suite_target.modem


@pytest.fixture
def eim(suite_stage: Stage) -> Eim:
    """The eIM that the eUICC is associated with."""
    return suite_stage.eim()


@pytest.fixture
def eim2(suite_stage: Stage) -> Eim:
    """Another eIM, which the eUICC does not know yet."""
    return suite_stage.eim(second=True)


@pytest.fixture
def smdp(suite_target: Target) -> Smdp:
    """SM-DP+ and SM-DS."""
    return suite_target.smdp


@pytest.fixture
def activation_codes(suite_target: Target) -> ActivationCodes:
    """Activation codes of an SM-DP+ that the eUICC trusts."""
    return suite_target.activation_codes


@pytest.fixture
def network(suite_target: Target) -> Network:
    """What the radio networks grant."""
    return suite_target.network


@pytest.fixture
def card_bench(suite_target: Target) -> CardBench:
    """The virtual eUICC from outside."""
    return suite_target.card_bench


@pytest.fixture
def modem_bench(suite_target: Target) -> ModemBench:
    """The virtual modem from outside."""
    return suite_target.modem_bench


@pytest.fixture
def power(suite_target: Target) -> Power:
    """The supply of modem and eUICC."""
    return suite_target.power


@pytest.fixture
def timeline(suite_target: Target) -> Timeline:
    """What went over the interfaces since the case began."""
    return SeenTimeline(suite_target)


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Notes a duration of the case for the report."""
    found: dict[str, float] = request.node.stash.setdefault(MEASURES, {})

    def note(name: str, seconds: float) -> None:
        found[name] = round(seconds, 4)

    return note


@pytest.fixture
def limits(suite_target: Target) -> Limits:
    """Time limits of the target."""
    return suite_target.limits
