"""The log of events: what is in it, that it stays small, and that it never hurts."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from hil.clock import ManualClock
from ipad.clock import SystemClock
from ipad.config import Config, LogConfig, ModemConfig
from ipad.daemon.event_log import CARRIED, EventLog, events_file, older
from ipad.daemon.event_reader import follow, log_lines
from ipad.errors import NotFoundError, UsageError
from ipad.policy.decisions import Report, ReportKind, Rollback, WaitUntil
from ipad.policy.events import Bearer, Boot, CardRead, Event, Origin, PollDone, ProfileChanged, Registration, Tick
from ipad.policy.radio import RegistrationState
from ipad.policy.settings import Settings
from ipad.policy.state import State
from ipad.policy.supervisor import step
from ipad.policy.trace import decision_record, read_trace, simulate

A, B = "8949000000000000001", "8949000000000000019"


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "events.jsonl"


def test_events_and_decisions_are_lines_with_both_clocks(file: Path) -> None:
    log = EventLog(file, ManualClock(epoch=1_782_900_000.0))
    log.note(12.5, Registration(state=RegistrationState.DENIED, cause=3))
    log.decided(72.5, Rollback(reason="illegal UE"))
    log.close()
    assert records(file) == [
        {"t": 12.5, "event": "registration", "state": "denied", "cause": 3, "time": "2026-07-01T10:00:00Z"},
        {"t": 72.5, "decision": "rollback", "reason": "illegal UE", "time": "2026-07-01T10:00:00Z"},
    ]


def test_passing_time_is_no_news(file: Path) -> None:
    log = EventLog(file, ManualClock())
    log.note(1.0, Tick())
    log.decided(1.0, WaitUntil(at=5.0))
    assert not file.exists()


def test_only_owner_and_group_can_read_it(file: Path) -> None:
    log = EventLog(file, ManualClock())
    log.note(1.0, CardRead(enabled=A))
    log.close()
    assert stat.S_IMODE(file.stat().st_mode) & 0o137 == 0
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o027 == 0


def test_two_files_of_bounded_size(file: Path) -> None:
    log = EventLog(file, ManualClock(), size=4096)
    for number in range(500):
        log.note(float(number), PollDone(eim_id=f"eim{number}", session="1"))
    log.close()
    assert file.stat().st_size <= 4096
    assert 3500 < older(file).stat().st_size <= 4096
    assert {path.name for path in file.parent.iterdir()} == {"events.jsonl", "events.jsonl.1"}
    assert records(file)[-1]["eim_id"] == "eim499"


def test_new_file_begins_with_what_still_holds(file: Path) -> None:
    log = EventLog(file, ManualClock(), size=4096)
    log.note(1.0, Boot())
    log.note(2.0, CardRead(enabled=A))
    log.note(3.0, Bearer(session="1"))
    log.note(4.0, Bearer(session="2"))
    for number in range(60):
        log.note(10.0 + number, PollDone(eim_id="eim1", session="2"))
    log.close()
    head = records(file)[:3]
    assert [record["event"] for record in head] == ["boot", "card-read", "bearer"]
    assert all(record["note"] == CARRIED and record["t"] > 10 for record in head)
    assert head[2]["session"] == "2"
    assert list(read_trace(file.read_text().splitlines())), "it is a trace of its own"
    assert CARRIED not in "".join(log_lines(file)), "both together are one trace"


def test_another_process_goes_on_where_the_first_ended(file: Path) -> None:
    for moment in (1.0, 2.0):
        log = EventLog(file, ManualClock())
        log.note(moment, Boot())
        log.close()
    assert [record["t"] for record in records(file)] == [1.0, 2.0]


def test_file_that_cannot_be_written_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run").write_text("a file where a folder should be")
    log = EventLog(tmp_path / "run" / "events.jsonl", ManualClock())
    for moment in (0.0, 1.0, 299.0):
        log.note(moment, Boot())
    assert caplog.text.count("the log of events is not written") == 1
    (tmp_path / "run").unlink()
    log.note(301.0, Boot())
    log.close()
    assert len(records(tmp_path / "run" / "events.jsonl")) == 1


def test_full_disk_does_not_stop_the_agent(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(file, ManualClock())
    log.note(1.0, Boot())
    monkeypatch.setattr("ipad.daemon.event_log.os.write", lambda _descriptor, line: len(line) // 2)
    log.note(2.0, Boot())
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_nothing_but_a_regular_file_is_written(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "events.jsonl"
    if kind == "pipe":
        os.mkfifo(file)
    else:
        (tmp_path / "precious").write_text("")
        file.symlink_to(tmp_path / "precious")
    log = EventLog(file, ManualClock())
    log.note(1.0, Boot())
    log.close()
    assert "the log of events is not written" in caplog.text
    assert kind == "pipe" or not (tmp_path / "precious").read_text()


def test_no_log_at_all() -> None:
    log = EventLog(None, ManualClock())
    log.note(1.0, Boot())
    log.close()


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        (Config(), {}, Path("/run/ipad/events.jsonl")),
        (Config(), {"RUNTIME_DIRECTORY": "/run/ipad-b:/run/other"}, Path("/run/ipad-b/events.jsonl")),
        (Config(modems={"b": ModemConfig()}), {}, Path("/run/ipad/events-b.jsonl")),
        (Config(log=LogConfig(events="/tmp/e")), {"RUNTIME_DIRECTORY": "/run/ipad"}, Path("/tmp/e")),
        (Config(log=LogConfig(events="")), {}, None),
    ],
    ids=["default", "service", "named modem", "configured", "off"],
)
def test_where_it_is(config: Config, environment: dict[str, str], expected: Path | None) -> None:
    assert events_file(config, environment) == expected


def test_what_was_logged_is_what_a_dry_run_decides(file: Path) -> None:
    settings, state, log = Settings(), State(), EventLog(file, ManualClock())
    events: list[tuple[float, Event]] = [
        (10.0, Boot(chance=0.0)),
        (11.0, CardRead(enabled=A, installed=(A, B))),
        (15.0, Registration(state=RegistrationState.HOME, plmn="26201")),
        (16.0, Bearer(session="1")),
        (20.0, PollDone(eim_id="eim", session="1")),
        (100.0, ProfileChanged(origin=Origin.PACKAGE, iccid=B, previous=A, rollback=True)),
        (110.0, Registration(state=RegistrationState.DENIED, cause=3)),
    ]
    wake, expected = float("inf"), []
    for moment, event in [*events, (1000.0, Tick())]:
        while wake <= moment:
            done = step(settings, state, Tick(), wake)
            expected += _log(log, Tick(), done.decisions, wake)
            state, wake = done.state, done.wake_at
        done = step(settings, state, event, moment)
        expected += _log(log, event, done.decisions, moment)
        state, wake = done.state, done.wake_at
    log.note(1000.0, PollDone(eim_id="eim"))
    log.close()
    dry = simulate(settings, log_lines(file))
    simulated = [decision_record(decision, entry.at) for entry in dry for decision in entry.decisions]
    assert any(record["decision"] == "rollback" for record in expected)
    assert simulated[: len(expected)] == expected


def _log(log: EventLog, event: Event, decisions: tuple[Any, ...], now: float) -> list[dict[str, Any]]:
    log.note(now, event)
    for decision in decisions:
        log.decided(now, decision)
    return [decision_record(decision, now) for decision in decisions if not isinstance(decision, WaitUntil)]


# --- reading -------------------------------------------------------------------------------------------------


def test_log_that_is_not_there(file: Path) -> None:
    with pytest.raises(NotFoundError):
        log_lines(file)


class Writing:
    """A clock whose every sleep lets somebody write."""

    def __init__(self, *steps: Any) -> None:
        self._steps = list(steps)
        self._clock = SystemClock()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def time(self) -> float:
        return self._clock.time()

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self._steps.pop(0)()


@pytest.mark.asyncio
async def test_follower_hears_of_every_line_across_a_change_of_files(file: Path) -> None:
    log = EventLog(file, ManualClock(), size=4096)
    count = iter(range(1000))

    def decide(number: int) -> None:
        for _ in range(number):
            log.decided(float(next(count)), Report(kind=ReportKind.CARD, text="x"))

    seen: list[float] = []
    clock = Writing(lambda: decide(10), lambda: decide(60), lambda: None, lambda: decide(5))
    lines = follow(file, clock)
    async for line in lines:
        seen.append(json.loads(line)["t"])
        if len(seen) == 75:
            break
    await lines.aclose()  # type: ignore[attr-defined]
    log.close()
    assert seen == [float(number) for number in range(75)]


@pytest.mark.asyncio
async def test_half_a_line_is_waited_for(file: Path) -> None:
    file.parent.mkdir()

    def append(text: str) -> None:
        with file.open("a") as stream:
            stream.write(text)

    append('{"t":1}\n{"t"')
    lines = follow(file, Writing(lambda: append(":2}"), lambda: append("\n")))
    assert [await anext(lines), await anext(lines)] == ['{"t":1}', '{"t":2}']
    await lines.aclose()  # type: ignore[attr-defined]


def test_log_that_must_not_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        log_lines(file)
