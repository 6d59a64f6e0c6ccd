"""`ipad log`: the log of events for people and programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ipad.cli.log import moment, shown
from ipad.cli.main import run
from ipad.daemon.event_log import EventLog
from ipad.errors import UsageError
from ipad.policy.decisions import Rollback
from ipad.policy.events import CardRead, Registration
from ipad.policy.radio import Access, RegistrationState
from tests.fakes.clock import FakeClock

ICCID = "8949000000000000001"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    clock = FakeClock(NOON.timestamp())
    log = EventLog(tmp_path / "events.jsonl", clock)
    log.note(10.0, CardRead(enabled=ICCID, installed=(ICCID,)))
    clock.now += 60
    log.note(70.0, Registration(state=RegistrationState.DENIED, access=Access.LTE, cause=3))
    clock.now += 60
    log.decided(130.0, Rollback(reason=f"illegal UE with {ICCID}"))
    log.close()
    return tmp_path / "events.jsonl"


def test_a_line_for_each_event_and_decision(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-07-01 12:00:00Z    eUICC read: enabled 894900…0001, installed 894900…0001",
        "2026-07-01 12:01:00Z    registration denied, lte, cause 3 (illegal UE)",
        "2026-07-01 12:02:00Z  → ROLLBACK: illegal UE with 894900…0001",
    ]


def test_programs_get_the_lines_of_the_log(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records[0]["installed"] == ["894900…0001"]
    assert records[2]["t"] == 130.0


def test_identifiers_in_full_when_they_are_asked_for(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "--json", "--full"]) == 0
    assert capsys.readouterr().out == file.read_text()


def test_only_what_is_young_enough(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "--since", "2026-07-01T12:01:00"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run(["log", "--since", "2026-07-01T15:01:30+03:00"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_copied_log(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy"
    copy.write_text(file.read_text().splitlines()[1] + "\n\ndamaged\n")
    assert run(["log", str(copy)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "                   ?  a line that cannot be read"


def test_log_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", str(tmp_path / "none")]) == 10
    assert "hint: `ipad run` writes it" in capsys.readouterr().err


def test_wrong_moment(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["log", "--since", "yesterday"]) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2026, 7, 1, 11, 58, 30, tzinfo=UTC)),
        ("30m", datetime(2026, 7, 1, 11, 30, tzinfo=UTC)),
        ("2h", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("7d", datetime(2026, 6, 24, 12, tzinfo=UTC)),
        ("2026-06-30", datetime(2026, 6, 30, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert moment(text, NOON.timestamp()) == expected


@pytest.mark.parametrize("text", ["", "5", "h", "-1h", "2026-13-01"])
def test_no_moments(text: str) -> None:
    with pytest.raises(UsageError):
        moment(text, NOON.timestamp())


def test_text_of_peers_cannot_reach_the_terminal_as_it_came() -> None:
    line = json.dumps({"t": 1.0, "event": "sim-shown", "iccid": "\x1b[2J", "time": "2026-07-01T12:00:00Z"})
    text = shown(line, None, raw=False, full=False)
    assert text is not None
    assert "\x1b" not in text


def test_line_without_a_wall_clock_has_that_of_the_log() -> None:
    line = json.dumps({"t": 12.34, "event": "sim-shown"})
    assert shown(line, None, raw=False, full=False) == "              12.3 s    the modem shows no profile"
    assert shown(line, NOON, raw=False, full=False) is None
